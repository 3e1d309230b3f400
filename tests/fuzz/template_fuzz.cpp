// Templates of drivers: what is taken renders.
#include "core/driver/text_template.hpp"

#include <cstdint>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  try {
    const banpush::TextTemplate made("fuzz", std::string(reinterpret_cast<const char *>(data), size));
    banpush::View view;
    for (const auto &use : made.uses())
      view.values[use.name] = use.name;
    (void)made.render(view);
  } catch (const banpush::Error &) {
  }
  return 0;
}
