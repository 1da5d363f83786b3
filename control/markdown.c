/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the tables of docs/control-protocol.md. */
#include "protocol.h"

int main(void)
{
	control_markdown(stdout);
	return 0;
}
