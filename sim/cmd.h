/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_CMD_H
#define SIM_CMD_H

#include "scenario.h"

/*
 * Exit codes of every command: 0 all is well; 1 a scenario was ejected or broke an invariant;
 * 2 a wrong command line or file.
 */
int cmd_run(int argc, char **argv);
int cmd_explore(int argc, char **argv);
int cmd_replay(int argc, char **argv);

/*
 * Read @path: rt-app JSON if its name ends in .json, a record if it begins like one, else a
 * scenario. Complains on stderr. 0 or 2, an exit code.
 */
int cmd_read(struct scenario *sc, const char *path);

#endif
