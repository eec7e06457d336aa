#pragma once

#include <stdio.h>

#include "validator/keys.h"

/** val_anchors_load() of what is open already. @param out  touched on error, too */
int val_anchors_read(
	FILE *in, const char *path, struct val_anchors *out, char *err, size_t err_size);

/** One record of an anchor file, cut in place. @return NULL, or what is wrong */
const char *val_anchor_read(char *line, struct val_anchor *out);

/** The same record as text: owner, IN, type, RDATA. @return octets without the NUL, -ENOSPC */
int val_anchor_write(const struct val_anchor *a, char *out, size_t size);
