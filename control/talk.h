#pragma once

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

/** The operator's end of the control socket: one JSON object a line each way. Waits. */

enum { CTL_TALK_ERR_MAX = 2048 };

/** @return NULL with errno set */
FILE *ctl_talk_dial(const char *socket);
/** @return false: not all of it; a refusal may be there to read all the same */
bool ctl_talk_send(FILE *f, const json_t *req);
/** One JSON line; NULL at the end or when it is none. */
json_t *ctl_talk_receive(FILE *f);

/**
 * Dial, ask once, hear the answer.
 *
 * @param f     the connection, open on success
 * @param data  a new reference
 * @param err   a sentence, CTL_TALK_ERR_MAX octets
 * @retval 0; -EREMOTEIO swerved refused, err is why; -ECONNRESET it hung up; -errno of dialling
 */
int ctl_talk_ask(const char *socket, const json_t *req, FILE **f, json_t **data, char *err);
