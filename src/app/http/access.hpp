// Who is answered over HTTP: the name that was asked for, and tokens.
#pragma once

#include "settings/config.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace banpush {

class Access {
public:
  // A token as it is kept: the SHA-256 of its text, in hex. Nobody can read it here.
  struct Known {
    std::string name, digest;
    std::vector<HttpSettings::Offer> may;
  };
  // `bound` is what is listened at, whatever a later configuration says: without tokens nobody is let in where others reach it.
  enum class Reach { ThisHost, Others };
  Access(const HttpSettings &settings, std::vector<Known> tokens, Reach bound);

  // Whether a request for this host is meant for us: an IP address, this host itself, or a name of the configuration. A page
  // that somebody's browser shows from elsewhere may have its name lead here (DNS rebinding), but not ask by another name.
  bool knows(std::string_view host) const;

  enum class Ruling { Yes, NoToken, NotThat };
  // By an Authorization header: `Bearer TOKEN`, or `Basic` with the token's name and the token as password (RFC 6750, 7617).
  Ruling may(std::string_view authorization, HttpSettings::Offer what) const;

private:
  const Known *who(std::string_view authorization) const;

  std::vector<std::string> names_;
  std::vector<Known> tokens_;
  bool here_ = false; // only this host can ask
};

// What a secret's text says: `sha256:HEX` is kept as it is, and all else is the token itself. Throws Error (Config) for one
// that is too short to be hard to guess.
std::string digest_of_token(const std::string &name, const std::string &text);

// RFC 4648; nothing where it is none.
std::optional<std::string> from_base64(std::string_view text);

} // namespace banpush
