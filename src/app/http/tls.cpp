#include "app/http/tls.hpp"

#include "core/error.hpp"

#include <array>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

namespace banpush {

namespace {

struct FreeContext {
  void operator()(SSL_CTX *context) const { SSL_CTX_free(context); }
};
struct FreeSession {
  void operator()(SSL *session) const { SSL_free(session); }
};
struct FreeBio {
  void operator()(BIO *bio) const { BIO_free(bio); }
};
struct FreeCertificate {
  void operator()(X509 *certificate) const { X509_free(certificate); }
};
struct FreeKey {
  void operator()(EVP_PKEY *key) const { EVP_PKEY_free(key); }
};
using Certificate = std::unique_ptr<X509, FreeCertificate>;

[[noreturn]] void fail(const std::string &what) {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  ERR_clear_error();
  throw Error(ErrorKind::Config, fmt::format("{}: {}", what, text.data()));
}

std::unique_ptr<BIO, FreeBio> memory(const std::string &text) {
  return std::unique_ptr<BIO, FreeBio>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

int no_passphrase(char * /*to*/, int /*size*/, int /*writes*/, void * /*data*/) { return 0; }

// The first is the server's own.
void take_certificates(SSL_CTX *context, const std::string &text) {
  const auto bio = memory(text);
  Certificate own(PEM_read_bio_X509_AUX(bio.get(), nullptr, no_passphrase, nullptr));
  if (!own || SSL_CTX_use_certificate(context, own.get()) != 1)
    fail("the certificate cannot be used");
  while (Certificate next{PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr)}) {
    if (SSL_CTX_add0_chain_cert(context, next.get()) != 1)
      fail("a certificate behind the first one cannot be used");
    static_cast<void>(next.release());
  }
  ERR_clear_error(); // the end of the text is one
}

void take_key(SSL_CTX *context, const std::string &text) {
  const std::unique_ptr<EVP_PKEY, FreeKey> key(PEM_read_bio_PrivateKey(memory(text).get(), nullptr, no_passphrase, nullptr));
  if (!key || SSL_CTX_use_PrivateKey(context, key.get()) != 1)
    fail("the key cannot be used");
  if (SSL_CTX_check_private_key(context) != 1)
    fail("the key is not the certificate's");
}

} // namespace

struct TlsIdentity::Handle {
  std::unique_ptr<SSL_CTX, FreeContext> context;
};

TlsIdentity::TlsIdentity(const std::string &certificates, const std::string &key) : handle_(std::make_unique<Handle>()) {
  handle_->context.reset(SSL_CTX_new(TLS_server_method()));
  SSL_CTX *context = handle_->context.get();
  if (context == nullptr || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1)
    fail("TLS cannot be had");
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  take_certificates(context, certificates);
  take_key(context, key);
}

TlsIdentity::~TlsIdentity() = default;

struct TlsSession::Handle {
  std::unique_ptr<SSL, FreeSession> session;

  Step step(int result, std::size_t bytes) const noexcept {
    using Is = Step::Is;
    if (result > 0)
      return {Is::Done, bytes};
    switch (SSL_get_error(session.get(), result)) {
    case SSL_ERROR_ZERO_RETURN: return {Is::Done, 0};
    case SSL_ERROR_WANT_READ: return {Is::Reads, 0};
    case SSL_ERROR_WANT_WRITE: return {Is::Writes, 0};
    default: return {Is::Broken, 0};
    }
  }
};

TlsSession::TlsSession(int socket, const TlsIdentity &identity) : handle_(std::make_unique<Handle>()) {
  handle_->session.reset(SSL_new(identity.handle_->context.get()));
  if (!handle_->session || SSL_set_fd(handle_->session.get(), socket) != 1)
    throw Error(ErrorKind::Connect, "no memory for TLS");
}

TlsSession::~TlsSession() = default;

TlsSession::Step TlsSession::accept() noexcept {
  ERR_clear_error();
  return handle_->step(SSL_accept(handle_->session.get()), 0);
}

TlsSession::Step TlsSession::read(char *to, std::size_t most) noexcept {
  ERR_clear_error();
  std::size_t bytes = 0;
  const int result = SSL_read_ex(handle_->session.get(), to, most, &bytes);
  return handle_->step(result, bytes);
}

TlsSession::Step TlsSession::write(const char *from, std::size_t size) noexcept {
  ERR_clear_error();
  std::size_t bytes = 0;
  const int result = SSL_write_ex(handle_->session.get(), from, size, &bytes);
  return handle_->step(result, bytes);
}

void TlsSession::say_goodbye() noexcept {
  ERR_clear_error();
  SSL_shutdown(handle_->session.get());
}

} // namespace banpush
