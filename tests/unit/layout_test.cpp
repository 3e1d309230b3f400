#include "app/words/layout.hpp"

#include <catch2/catch.hpp>

using namespace banpush;

TEST_CASE("layout: lines are folded at blanks, and what follows hangs") {
  CHECK(folded("a line that fits\n", 80) == "a line that fits\n");
  CHECK(folded("anything at all\n", 0) == "anything at all\n");
  CHECK(folded("  held     one two three four five six seven eight nine ten\nend", 40) ==
        "  held     one two three four five six\n      seven eight nine ten\nend");
  // Never within a word, and without one that is empty.
  const std::string long_word(60, 'x');
  CHECK(folded("  note " + long_word + " and more words here", 50) == "  note " + long_word + "\n      and more words here");
}

TEST_CASE("layout: colours take no columns") {
  CHECK(columns_of("\x1b[32madd\x1b[0m …") == 5);
  CHECK(folded("\x1b[33mheld\x1b[0m one two three four five six seven", 40) == "\x1b[33mheld\x1b[0m one two three four five six seven");
}

TEST_CASE("layout: a table drops what may go until it fits") {
  const Table table{{"ip", "jail", "created"}, {{"203.0.113.7", "sshd", "2026-11-29"}, {"2001:db8::1", "nginx", "2026-11-28"}}, {2, 1}};
  CHECK(lines_of(table, 0) ==
        std::vector<std::string>{"ip           jail   created\n", "203.0.113.7  sshd   2026-11-29\n", "2001:db8::1  nginx  2026-11-28\n"});
  CHECK(lines_of(table, 20).at(1) == "203.0.113.7  sshd\n");
  CHECK(lines_of(table, 12).at(1) == "203.0.113.7\n");
  CHECK(lines_of(table, 5).at(1) == "203.0.113.7\n"); // none may go any more
}
