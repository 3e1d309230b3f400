// What is told about a session to those who watch it (`--trace`, -v, the audit), with the secrets taken
// out: the one place where that is done.
#pragma once

#include "transport/transport.hpp"

namespace banpush {

// How long the device may be silent where a step or the driver asks for `standard`: what the device's
// configuration says takes the place of the driver's own, and never shortens a step that asks for more.
std::chrono::seconds silence_of(const Device &device, const Driver &driver, std::chrono::seconds standard) noexcept;

class Dialogue {
public:
  Dialogue(Trace trace, const Credentials &credentials);
  Dialogue(const Dialogue &) = delete;
  Dialogue &operator=(const Dialogue &) = delete;
  ~Dialogue();

  // The text with every secret of the device replaced by `<secret>`.
  std::string redacted(std::string_view text) const;

  // Directions `sent` and `received` are told in whole lines where there are any, so that a secret cut in
  // two by the network is still found.
  void sent(std::string_view bytes) { add("sent", bytes); }
  void received(std::string_view bytes) { add("received", bytes); }
  // Direction `note`: what banpush itself did, `connected to 198.51.100.1 port 22`.
  void note(std::string_view text);
  // Tells what is still held back of an unfinished line.
  void flush();

private:
  void add(std::string_view direction, std::string_view bytes);

  Trace trace_;
  std::vector<std::string> secrets_; // longest first
  std::string_view direction_;
  std::string held_;
};

} // namespace banpush
