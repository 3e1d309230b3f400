// Answers of devices, through the reads of every driver there is: entries or an Error, never a crash.
#include "config/driver/driver_file.hpp"
#include "core/reading/parse.hpp"
#include "core/script/script.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  static const std::vector<banpush::FoundDriver> drivers = banpush::find_drivers({BANPUSH_SOURCE_DIR});
  if (size == 0)
    return 0;
  const banpush::FoundDriver &one = drivers[data[0] % drivers.size()];
  if (!one.driver)
    return 0;
  const std::string text(reinterpret_cast<const char *>(data) + 1, size - 1);
  const banpush::Values values = banpush::values_of(*one.driver, {});
  for (const banpush::Read &read : one.driver->reads) {
    try {
      (void)banpush::parse_read(*one.driver, read, values, {text, 0, {}});
    } catch (const banpush::Error &) {
    }
  }
  return 0;
}
