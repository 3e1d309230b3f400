// Rows of the ban table as strangers write them: what parses is canonical, and nothing crashes.
#include "core/bans/ban.hpp"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char *>(data), size);
  const std::size_t half = size / 2;
  banpush::RawBan row;
  row.ip = text.substr(0, half);
  row.port = text.substr(half);
  row.name = text;
  row.hostname = text.substr(half);
  row.protocol = text.substr(0, half);
  banpush::Bans bans;
  bans.add(row);
  if (bans.rows().size() + bans.bad_rows() != 1)
    std::abort();
  if (const auto prefix = banpush::Prefix::parse(text)) {
    const auto again = banpush::Prefix::parse(prefix->text());
    if (!again || *again != *prefix)
      std::abort();
  }
  if (banpush::shown(text, 80).size() > 1000)
    std::abort();
  return 0;
}
