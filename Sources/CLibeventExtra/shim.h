#pragma once
/* libevent's event-config.h defines _GNU_SOURCE; the types must be complete before it. */
#include <sys/types.h>
#include <sys/select.h>
#include <event2/event.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <event2/keyvalq_struct.h>
