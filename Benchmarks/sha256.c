/* What one SHA-256 of a record costs by each of libcrypto's ways: time and allocations.
   cc -O2 -Wno-deprecated-declarations Benchmarks/sha256.c -o /tmp/sha256 -lcrypto && /tmp/sha256 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 200000, SIZE = 800 };
static long allocations;
static unsigned char data[SIZE], digest[32];

static void *counted(size_t size, const char *file, int line) {
  allocations++;
  return malloc(size);
}
static void *recounted(void *old, size_t size, const char *file, int line) {
  allocations++;
  return realloc(old, size);
}
static void freed(void *old, const char *file, int line) { free(old); }

static EVP_MD *md;
static EVP_MD_CTX *context, *prepared;

static void reused(void) {
  unsigned length;
  EVP_DigestInit_ex2(context, md, NULL);
  EVP_DigestUpdate(context, data, SIZE);
  EVP_DigestFinal_ex(context, digest, &length);
}
static void null_type(void) {
  unsigned length;
  EVP_DigestInit_ex2(context, NULL, NULL);
  EVP_DigestUpdate(context, data, SIZE);
  EVP_DigestFinal_ex(context, digest, &length);
}
static void copied(void) {
  unsigned length;
  EVP_MD_CTX_copy_ex(context, prepared);
  EVP_DigestUpdate(context, data, SIZE);
  EVP_DigestFinal_ex(context, digest, &length);
}
static void one_shot(void) { EVP_Digest(data, SIZE, digest, NULL, md, NULL); }
static void one_shot_implicit(void) { EVP_Digest(data, SIZE, digest, NULL, EVP_sha256(), NULL); }
static void low_level(void) {
  SHA256_CTX state;
  SHA256_Init(&state);
  SHA256_Update(&state, data, SIZE);
  SHA256_Final(digest, &state);
}

static void measure(const char *name, void (*run)(void)) {
  struct timespec start, end;
  for (int i = 0; i < 1000; i++) run();
  allocations = 0;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
  for (int i = 0; i < ROUNDS; i++) run();
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
  double ns = (end.tv_sec - start.tv_sec) * 1e9 + (end.tv_nsec - start.tv_nsec);
  printf("%-45s %5.0f ns  %.2f allocations\n", name, ns / ROUNDS, (double)allocations / ROUNDS);
}

int main(void) {
  CRYPTO_set_mem_functions(counted, recounted, freed);
  memset(data, 'x', SIZE);
  md = EVP_MD_fetch(NULL, "SHA256", NULL);
  context = EVP_MD_CTX_new();
  prepared = EVP_MD_CTX_new();
  EVP_DigestInit_ex2(context, md, NULL);
  EVP_DigestInit_ex2(prepared, md, NULL);
  measure("EVP_DigestInit_ex2, context and type reused", reused);
  measure("EVP_DigestInit_ex2 with a null type", null_type);
  measure("EVP_MD_CTX_copy_ex of a prepared context", copied);
  measure("EVP_Digest, type fetched once", one_shot);
  measure("EVP_Digest with EVP_sha256()", one_shot_implicit);
  measure("SHA256_Init, _Update, _Final", low_level);
}
