#include "transport/ssh/ssh_key.hpp"

#include "core/error.hpp"

#include <libssh/libssh.h>

namespace banpush {

namespace {

struct FreeText {
  void operator()(char *text) const noexcept { ssh_string_free_char(text); }
};

std::string fingerprint_of(ssh_key key) {
  unsigned char *hash = nullptr;
  std::size_t size = 0;
  if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &size) != SSH_OK)
    throw Error(ErrorKind::Connect, "cannot make a fingerprint of a host key");
  const std::unique_ptr<char, FreeText> text(ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, size));
  ssh_clean_pubkey_hash(&hash);
  if (!text)
    throw Error(ErrorKind::Connect, "cannot make a fingerprint of a host key");
  return text.get();
}

std::string type_of(ssh_key key) {
  const enum ssh_keytypes_e type = ssh_key_type(key);
  const char *name = nullptr; // of ECDSA libssh's type name lacks the curve
  if (type == SSH_KEYTYPE_ECDSA_P256 || type == SSH_KEYTYPE_ECDSA_P384 || type == SSH_KEYTYPE_ECDSA_P521)
    name = ssh_pki_key_ecdsa_name(key);
  if (name == nullptr)
    name = ssh_key_type_to_char(type);
  return name == nullptr ? "unknown" : name;
}

} // namespace

void FreeKey::operator()(ssh_key_struct *key) const noexcept { ssh_key_free(key); }

PublicKey public_key(ssh_key_struct *key) {
  char *base64 = nullptr;
  if (ssh_pki_export_pubkey_base64(key, &base64) != SSH_OK || base64 == nullptr)
    throw Error(ErrorKind::Connect, "cannot write down a host key");
  const std::unique_ptr<char, FreeText> text(base64);
  return {type_of(key), text.get(), fingerprint_of(key)};
}

} // namespace banpush
