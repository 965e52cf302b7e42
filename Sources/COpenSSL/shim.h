#pragma once
#include <openssl/evp.h>
#include <openssl/sha.h>

/* EVP allocates a context for every digest in OpenSSL 3.0; these three keep theirs in the
   caller's storage. They are deprecated in favour of EVP, so the notice is silenced here, once. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static inline int methodgate_sha256_init(SHA256_CTX *state) { return SHA256_Init(state); }
static inline int methodgate_sha256_update(SHA256_CTX *state, const void *bytes, size_t count) {
    return SHA256_Update(state, bytes, count);
}
static inline int methodgate_sha256_final(unsigned char *digest, SHA256_CTX *state) {
    return SHA256_Final(digest, state);
}
#pragma GCC diagnostic pop
