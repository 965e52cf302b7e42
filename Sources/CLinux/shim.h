#pragma once
/* Calls of Linux that the C library's own module leaves out, for logs that are messages
   and for the names of threads. Headers
   whose types that module owns are not included: they would be declared twice. */
#include <stddef.h>
#include <sys/syscall.h>

long syscall(long number, ...);
int fcntl(int file, int command, ...);

/* As the kernel lays out struct iovec, struct msghdr and struct mmsghdr. */
struct methodgate_piece {
  const void *base;
  size_t count;
};
struct methodgate_header {
  void *name;
  unsigned int name_length;
  struct methodgate_piece *pieces;
  size_t piece_count;
  void *control;
  size_t control_length;
  unsigned int flags;
};
struct methodgate_message {
  struct methodgate_header header;
  unsigned int sent;
};

/* sendmmsg(2): how many messages were taken, or -1 for none with errno. */
static inline int methodgate_send_messages(int socket, struct methodgate_message *messages,
                                           unsigned int count, int flags) {
  return (int)syscall(SYS_sendmmsg, socket, messages, count, flags);
}

/* memfd_create(2): MFD_CLOEXEC, MFD_ALLOW_SEALING. */
static inline int methodgate_memory_file(const char *name) {
  return (int)syscall(SYS_memfd_create, name, 1U | 2U);
}

/* pthread_setname_np(3); pthread_t is a number in glibc. */
int methodgate_name_thread(unsigned long thread, const char *name) __asm__("pthread_setname_np");

/* F_ADD_SEALS: F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE. */
static inline int methodgate_seal(int file) { return fcntl(file, 1033, 1 | 2 | 4 | 8); }
