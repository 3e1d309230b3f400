#include "transport/netconf/netconf_frames.hpp"

#include "core/error.hpp"

#include <catch2/catch.hpp>

using namespace banpush;

TEST_CASE("netconf: white space in front of a chunk") {
  for (const char *blanks : {"", "\n", "\r\n", "  ", "\r\n\r\n \t", "\n \n"})
    for (const bool at_once : {true, false}) {
      NetconfFrames frames;
      frames.use(NetconfFrames::Framing::Chunks);
      const std::string bytes = blanks + std::string("\n#4\n<a/>\n##\n") + blanks + "\n#2\n<b\n#2\n/>" + "\n##\n";
      std::vector<std::string> messages;
      for (std::size_t at = 0; at < bytes.size(); ++at) {
        frames.feed(at_once ? (at == 0 ? bytes : std::string()) : bytes.substr(at, 1));
        while (auto message = frames.next())
          messages.push_back(*message);
      }
      CHECK(messages == std::vector<std::string>{"<a/>", "<b/>"});
    }
  for (const char *wrong : {"x\n#4\n<a/>\n##\n", "  #4\n<a/>\n##\n", "\n#4\n<a/>x\n##\n"}) {
    NetconfFrames frames;
    frames.use(NetconfFrames::Framing::Chunks);
    frames.feed(wrong);
    CHECK_THROWS_AS(
        [&] {
          while (frames.next()) {
          }
          frames.next();
        }(),
        Error);
  }
}
