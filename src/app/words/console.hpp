// Where words go: results on stdout, the rest on stderr, colours only where a person looks.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace banpush {

enum class Colour { Plain, Bold, Green, Yellow, Red, Dim };

struct Console {
  enum class Format { Text, Json } format = Format::Text;
  enum class Volume { Quiet, Normal, Verbose } volume = Volume::Normal;
  bool colour = false;
  std::size_t columns = 0; // of the terminal that standard output is; 0: it is none

  bool json() const noexcept { return format == Format::Json; }
  bool verbose() const noexcept { return volume == Volume::Verbose; }
  std::string paint(Colour colour_wanted, std::string_view text) const;
  void out(std::string_view text) const;  // a result: stdout, as it is
  void tell(std::string_view text) const; // a result in sentences: on a terminal, folded to its width
  void note(std::string_view text) const; // a line on stderr, unless quiet
  // What ends a verb: a line on stderr, and with --json, where no result was given before, a document {"schema", "error", "status"}.
  void fail(std::string_view text, int status) const;
  // The second half of fail().
  void give_error(std::string_view text, int status) const;
  void warn(std::string_view text) const; // a line on stderr, always
};

} // namespace banpush
