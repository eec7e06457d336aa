#pragma once

#include <stdbool.h>
#include <stdint.h>

/**
 * Lines to syslog or the journal: datagrams to a local socket, in the form of RFC 3164 as syslog(3)
 * writes it and both of them read it. Not syslog(3) itself, which waits when the reader does. Here
 * nothing waits: what cannot be taken at once is lost, and the next line that goes says how many
 * were. Control thread only.
 */
struct ctl_syslog;

/**
 * @param socket  where a daemon listens, as /dev/log; it need not do so yet, and may begin anew
 * @retval 0, -ENOMEM, -ENAMETOOLONG (more than a socket's name holds), -errno of socket()
 */
int ctl_syslog_new(const char *socket, struct ctl_syslog **out);
void ctl_syslog_free(struct ctl_syslog *s);

/**
 * One event as one line, `swerved[PID]: #ID KIND: TEXT`, facility daemon, priority by its kind.
 * @param text  printable, no line ends
 * @return false when it was lost
 */
bool ctl_syslog_send(struct ctl_syslog *s, uint64_t id, const char *kind, const char *text);

/** The severity of an event's kind, as syslog(3) has them: 3 error .. 6 informational. */
int ctl_syslog_severity(const char *kind);
