#pragma once
/* libevent's event-config.h defines _GNU_SOURCE; the types must be complete before it. */
#include <sys/types.h>
#include <sys/select.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <sched.h>

/* GNU extensions that the C library's own module leaves out. */
int sched_getaffinity(pid_t, size_t, cpu_set_t *);
int pthread_setname_np(pthread_t, const char *);

/* accept4(2) is a GNU extension and its address argument a transparent union: neither imports. */
int accept4(int, struct sockaddr *, socklen_t *, int);
static inline int methodgate_accept(int listener, struct sockaddr *peer, socklen_t *length) {
  return accept4(listener, peer, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/* recv(2) and send(2) of the C library are cancellation points: in a process with threads each call
   takes two atomic operations, which nobody needs who cancels no thread. */
static inline ssize_t methodgate_receive(int stream, void *bytes, size_t count) {
  return syscall(SYS_recvfrom, stream, bytes, count, 0, NULL, NULL);
}
static inline ssize_t methodgate_receive_message(int stream, struct msghdr *message) {
  return syscall(SYS_recvmsg, stream, message, 0);
}
static inline ssize_t methodgate_send(int stream, const void *bytes, size_t count) {
  return syscall(SYS_sendto, stream, bytes, count, MSG_NOSIGNAL, NULL, 0);
}
