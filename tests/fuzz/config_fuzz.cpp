// Configuration files, right, wrong and hostile: a document or an Error that says where.
#include "config/document/document.hpp"

#include <cstdint>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
  try {
    (void)banpush::parse_document("fuzz.yaml", std::string(reinterpret_cast<const char *>(data), size));
  } catch (const banpush::Error &) {
  }
  return 0;
}
