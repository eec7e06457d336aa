#pragma once

#include <stdint.h>

#include "control/tcp_ask.h"
#include "dataplane/dataplane.h"

/**
 * Ask by TCP what workers want asked (dp_fetches()), and let them have the answers when they come.
 * What cannot be asked is told at once. Control thread; both outlive what is under way.
 */
void ctl_fetch_poll(struct dp *dp, struct ctl_tcp_asks *asks, uint16_t edns_size);
