#include "bans/ban_table.hpp"

#include <algorithm>

#include <openssl/crypto.h>

namespace banpush {

bool wants_tls(const TableSource &source) noexcept {
  return source.kind == TableSource::Kind::Mysql && source.socket.empty() && source.tls != TableSource::Tls::Off;
}

// The client library initialises OpenSSL for each process. What is initialised first with these stays so
// (OPENSSL_init_crypto(3)).
void read_no_tls_settings(const std::vector<TableSource> &tables) {
  if (std::none_of(tables.begin(), tables.end(), wants_tls))
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS, nullptr);
}

} // namespace banpush
