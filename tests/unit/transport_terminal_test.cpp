#include "core/reading/parse.hpp"
#include "transport/cli/terminal.hpp"

#include <catch2/catch.hpp>

using namespace banpush;

namespace {

struct Seen {
  std::vector<std::string> lines;
  std::string current, answers;
  bool operator==(const Seen &) const = default;
};

std::ostream &operator<<(std::ostream &out, const Seen &seen) {
  for (const std::string &line : seen.lines)
    out << '<' << line << ">\n";
  return out << '[' << seen.current << "] " << seen.answers;
}

// Whole and byte by byte must be the same.
Seen see(std::string_view bytes) {
  Terminal whole(80, 24), slow(80, 24);
  whole.feed(bytes);
  for (const char c : bytes)
    slow.feed({&c, 1});
  const Seen seen{whole.take_lines(), whole.current(), whole.take_answers()};
  CHECK(seen == Seen{slow.take_lines(), slow.current(), slow.take_answers()});
  return seen;
}

using Lines = std::vector<std::string>;

} // namespace

TEST_CASE("terminal: lines end in any of the ways devices have", "[transport]") {
  CHECK(see("a\r\nb\nc\r\r\nd\r\0\ne  \r\n\r").lines == Lines{"a", "b", "c"}); // the literal ends at its NUL
  using namespace std::string_view_literals;
  CHECK(see("a\r\0\nb\r\n\rc"sv) == Seen{{"a", "b"}, "c", ""});
  CHECK(see("end  \t \r\n").lines == Lines{"end"});
}

TEST_CASE("terminal: a NUL is no part of anything, not even of the sequence it falls into", "[transport]") {
  using namespace std::string_view_literals;
  CHECK(see("\x1b\0]0;a title\0\a\x1b[\0K\x1b\0[2K[ed\0it]\r\n"sv) == Seen{{"[edit]"}, "", ""});
}

TEST_CASE("log lines are taken out with the line end they come with", "[transport]") {
  const std::vector<Pattern> noise{Pattern("^%SYS-")};
  CHECK(without_noise(noise, "interface 1\n\n%SYS-5-CONFIG_I: x\n access-group A in\n") == "interface 1\n access-group A in\n");
  CHECK(without_noise(noise, "one\n\ntwo\n") == "one\n\ntwo\n");
  CHECK(without_noise(noise, "%SYS-5-A: x\none\n") == "one\n");
}

TEST_CASE("terminal: carriage returns and backspaces overwrite", "[transport]") {
  CHECK(see("--More--\r        \rnext\r\n").lines == Lines{"next"});
  CHECK(see("--More--\b\b\b\b\b\b\b\b        \b\b\b\b\b\b\b\bnext\r\n").lines == Lines{"next"});
  CHECK(see("abc\rX").current == "Xbc");
  CHECK(see("abc\b\b\b\b\b\bX").current == "Xbc");
  CHECK(see("edge1# \a").current == "edge1# ");
}

TEST_CASE("terminal: a prompt that is repainted is seen once", "[transport]") {
  CHECK(see("/\r\r[u@r] > /                    \x1b[K\r[u@r] > /i\r\r[u@r] > /i        \x1b[K\r[u@r] > /ip\r\nx\r\n") ==
        Seen{{"[u@r] > /ip", "x"}, "", ""});
  CHECK(see("\r\r\r\r[u@r] >               \r[u@r] > ").current == "[u@r] > ");
  // Junos completes words, and moves back to write over blanks.
  CHECK(see("u@h# set ABC \ru@h# set ABC    \b\b\bmembers 1:1 \r\n").lines == Lines{"u@h# set ABC members 1:1"});
  // Huawei moves back over each blank it echoes.
  CHECK(see("dis \x1b[1Dcur\r\n").lines == Lines{"discur"});
}

TEST_CASE("terminal: colours, titles, modes and charsets go", "[transport]") {
  CHECK(see("\x1b[7m --More-- \x1b[27m\x1b[K").current == " --More-- ");
  CHECK(see("\x1b]0;vyos@r1: ~\x07vyos@r1:~$ ").current == "vyos@r1:~$ ");
  CHECK(see("\x1b]0;title\x1b\\x\x1b(By\x1b[?2004hz\x1b=\x1b[1;24r").current == "xyz");
  CHECK(see("\x1b]never ended\r\nnext\r\n").lines.back() == "next");
  CHECK(see("\x1b[" + std::string(100, '1') + "\r\nx\r\n").lines.back() == "x");
}

TEST_CASE("terminal: questions to the terminal are answered", "[transport]") {
  CHECK(see("edge1#\x1b[5n") == Seen{{}, "edge1#", "\x1b[0n"});
  CHECK(see("\x1b[c").answers == "\x1b[?1;2c");
  CHECK(see("\x1bZ\x1b[>c").answers == "\x1b[?1;2c\x1b[>0;0;0c");
  CHECK(see("ab\x1b[6n").answers == "\x1b[1;3R");
  CHECK(see("\x1b[9999B\x1b[9999C\x1b[6n").answers == "\x1b[24;80R"); // how a device measures a terminal
}

TEST_CASE("terminal: a screen that is written by positions reads as lines", "[transport]") {
  // ProCurve: the prompt at the last row, echo by position, then a line feed of its own.
  CHECK(see("\x1b[24;1H\x1b[2Kswitch# \x1b[24;1H\x1b[24;9H\x1b[?25h\x1b[24;9Hshow run\x1b[24;0H\x1b"
            "E\x1b[24;1Hline one\r\nline two\r\n\x1b[24;1Hswitch# ") == Seen{{"switch# show run", "line one", "line two"}, "switch# ", ""});
  CHECK(see("\x1b[1;1Hfirst\x1b[2;1Hsecond\x1b[3;1Hthird") == Seen{{"first", "second"}, "third", ""});
}

TEST_CASE("terminal: a wrapped line is one line", "[transport]") {
  const std::string row(80, 'x');
  CHECK(see(row + "yyy\r\n").lines == Lines{row + "yyy"});
  CHECK(see(row + " \ryyy\r\n").lines == Lines{row + "yyy"}); // readline's way over the edge
  CHECK(see(row + "\ryyy\r\n").lines == Lines{"yyy" + row.substr(3)});
}

TEST_CASE("terminal: characters are inserted, deleted and erased", "[transport]") {
  CHECK(see("abcdef\x1b[4D\x1b[2P").current == "abef");
  CHECK(see("abef\x1b[2D\x1b[2@cd").current == "abcdef");
  CHECK(see("abcdef\x1b[3G\x1b[X").current == "ab def");
  CHECK(see("abcdef\x1b[3G\x1b[1K").current == "   def");
  CHECK(see("abcdef\x1b[2K").current.find_first_not_of(' ') == std::string::npos);
  CHECK(see("abc\x1b"
            "7def\x1b"
            "8XYZ")
            .current == "abcXYZ");
}

TEST_CASE("terminal: the unfinished line can be forgotten", "[transport]") {
  Terminal terminal(80, 24);
  terminal.feed("--More--");
  terminal.forget_current();
  terminal.feed("\r        \rnext\r\n");
  CHECK(terminal.take_lines() == Lines{"next"});
}
