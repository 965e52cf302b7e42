#pragma once
/* Calls of Linux that the C library's own module leaves out, for logs that are messages
   and for names that are looked up. Headers
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

/* getaddrinfo_a(3): names are looked up by a thread of the C library. As it lays out struct gaicb. */
struct methodgate_lookup {
  const char *name;
  const char *service;
  const void *hints;
  void *answers;
  int status;
  int reserved[5];
};
int methodgate_look_up(int mode, struct methodgate_lookup **list, int count, void *event)
    __asm__("getaddrinfo_a");
int methodgate_wait(struct methodgate_lookup *const *list, int count, const void *timespec)
    __asm__("gai_suspend");
int methodgate_lookup_status(struct methodgate_lookup *lookup) __asm__("gai_error");
int methodgate_cancel(struct methodgate_lookup *lookup) __asm__("gai_cancel");

/* F_ADD_SEALS: F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE. */
static inline int methodgate_seal(int file) { return fcntl(file, 1033, 1 | 2 | 4 | 8); }
