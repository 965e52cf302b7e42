#pragma once
/* libevent's event-config.h defines _GNU_SOURCE; the types must be complete before it. */
#include <sys/types.h>
#include <sys/select.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <pthread.h>
#include <sched.h>

/* GNU extensions that the C library's own module leaves out. */
int sched_getaffinity(pid_t, size_t, cpu_set_t *);
int pthread_setname_np(pthread_t, const char *);

/* accept4(2) is a GNU extension and its address argument a transparent union: neither imports. */
int accept4(int, struct sockaddr *, socklen_t *, int);
static inline int methodgate_accept(int listener, struct sockaddr *peer, socklen_t *length) {
  return accept4(listener, peer, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}
