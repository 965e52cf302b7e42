#pragma once
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

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

/* Macros with arguments, and constants of a kind that does not import. */
static const uint64_t methodgate_op_no_compression = SSL_OP_NO_COMPRESSION;
static const uint64_t methodgate_op_no_renegotiation = SSL_OP_NO_RENEGOTIATION;
static const uint64_t methodgate_op_server_preference = SSL_OP_CIPHER_SERVER_PREFERENCE;
static const uint64_t methodgate_op_prioritize_chacha = SSL_OP_PRIORITIZE_CHACHA;
/* RFC 2253, whatever is beyond ASCII escaped. */
static const unsigned long methodgate_name_flags = XN_FLAG_RFC2253;
static inline int methodgate_set_minimum(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_min_proto_version(context, version);
}
static inline int methodgate_set_maximum(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_max_proto_version(context, version);
}
static inline int methodgate_set_dh_auto(SSL_CTX *context, int is_on) {
    return (int)SSL_CTX_set_dh_auto(context, is_on);
}
static inline int methodgate_set_groups(SSL_CTX *context, const char *names) {
    return (int)SSL_CTX_set1_groups_list(context, names);
}
static inline long methodgate_set_cache_mode(SSL_CTX *context, long mode) {
    return SSL_CTX_set_session_cache_mode(context, mode);
}
static inline int methodgate_set_name(SSL *session, const char *name) {
    return (int)SSL_set_tlsext_host_name(session, name);
}
static inline void methodgate_set_name_callback(
    SSL_CTX *context, int (*callback)(SSL *, int *, void *)) {
    SSL_CTX_set_tlsext_servername_callback(context, callback);
}
static inline void methodgate_set_status_callback(
    SSL_CTX *context, int (*callback)(SSL *, void *), void *argument) {
    SSL_CTX_set_tlsext_status_cb(context, callback);
    SSL_CTX_set_tlsext_status_arg(context, argument);
}
static inline int methodgate_staple(SSL *session, void *response, long length) {
    return (int)SSL_set_tlsext_status_ocsp_resp(session, response, length);
}
static inline void *methodgate_duplicate(const void *bytes, size_t count) {
    return OPENSSL_memdup(bytes, count);
}
static inline void methodgate_free(void *bytes) { OPENSSL_free(bytes); }
static inline void methodgate_set_ticket_callback(
    SSL_CTX *context, int (*callback)(SSL *, unsigned char *, unsigned char *, EVP_CIPHER_CTX *,
                                      EVP_MAC_CTX *, int)) {
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, callback);
}
static inline int methodgate_ticket_mac(EVP_MAC_CTX *mac, const void *key, size_t count) {
    OSSL_PARAM settings[3] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)key, count),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_end()};
    return EVP_MAC_CTX_set_params(mac, settings);
}
static inline EVP_PKEY *methodgate_ec_key(void) { return EVP_EC_gen("P-256"); }
static inline EVP_PKEY *methodgate_curve_key(const char *name) { return EVP_EC_gen(name); }
static inline EVP_PKEY *methodgate_rsa_key(size_t bits) { return EVP_RSA_gen(bits); }
static inline long methodgate_memory(BIO *bio, char **bytes) {
    return BIO_get_mem_data(bio, bytes);
}
static inline void methodgate_retry_read(BIO *bio) {
    BIO_clear_retry_flags(bio);
    BIO_set_retry_read(bio);
}
static inline int methodgate_error_reason(unsigned long code) { return ERR_GET_REASON(code); }
static inline long methodgate_set_mode(SSL_CTX *context, long mode) {
    return SSL_CTX_set_mode(context, mode);
}
