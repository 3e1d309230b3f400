#include "core/digest.hpp"

#include "core/error.hpp"

#include <array>

#include <fmt/format.h>
#include <openssl/evp.h>

namespace banpush {

std::string sha256(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha256(), nullptr) != 1)
    throw Error(ErrorKind::Device, "SHA-256 is not available in libcrypto");
  std::string hex;
  for (unsigned i = 0; i < length; ++i)
    hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

} // namespace banpush
