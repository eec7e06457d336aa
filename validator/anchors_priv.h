#pragma once

#include "validator/keys.h"

/** One record of an anchor file, cut in place. @return NULL, or what is wrong */
const char *val_anchor_read(char *line, struct val_anchor *out);

/** The same record as text: owner, IN, type, RDATA. @return octets without the NUL, -ENOSPC */
int val_anchor_write(const struct val_anchor *a, char *out, size_t size);
