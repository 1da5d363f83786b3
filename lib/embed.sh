#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# embed.sh OBJECT HEADER: a header that names OBJECT, and changes when its contents do, so that
# the compiler embeds it again.
set -eu
printf '#define QUMUN_BPF_OBJECT "%s" /* %s */\n' "$(realpath "$1")" \
	"$(cksum <"$1" | tr ' ' -)" >"$2"
