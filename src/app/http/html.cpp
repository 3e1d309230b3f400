#include "app/http/html.hpp"

#include "core/bans/ban.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace banpush::html {

namespace {

constexpr double width = 360, height = 100, line = 22;

std::size_t largest_of(const Bars &bars) {
  std::size_t largest = 1;
  for (const auto &[label, count] : bars)
    largest = std::max(largest, count);
  return largest;
}

std::string table(const Bars &bars) {
  std::string out =
      "<details><summary>as numbers</summary><table><thead><tr><th scope=\"col\">of</th><th scope=\"col\">bans</th></tr></thead><tbody>";
  for (const auto &[label, count] : bars)
    out += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>", text(label), count);
  return out + "</tbody></table></details>";
}

std::string figure(std::string_view title, const std::string &picture, const Bars &bars) {
  return fmt::format("<figure><figcaption>{}</figcaption>{}{}</figure>\n", text(title), picture, table(bars));
}

} // namespace

std::string text(std::string_view anything) {
  std::string out;
  for (const char c : anything)
    switch (c) {
    case '&': out += "&amp;"; break;
    case '<': out += "&lt;"; break;
    case '>': out += "&gt;"; break;
    case '"': out += "&quot;"; break;
    case '\'': out += "&#39;"; break;
    case '\n': out += ' '; break;
    default:
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
        out += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
      else
        out += c;
    }
  return out;
}

std::string columns(std::string_view title, const Bars &bars, std::string_view first, std::string_view last) {
  const double step = width / static_cast<double>(std::max<std::size_t>(bars.size(), 1));
  const std::size_t largest = largest_of(bars);
  std::string out = fmt::format("<svg viewBox=\"0 0 {:.0f} {:.0f}\" role=\"img\" aria-label=\"{}\"><line class=\"axis\" x1=\"0\" "
                                "x2=\"{:.0f}\" y1=\"{:.0f}\" y2=\"{:.0f}\"/>",
                                width, height + line, text(fmt::format("{}, at most {}", title, largest)), width, height, height);
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const double tall = static_cast<double>(bars[i].second) * (height - 14) / static_cast<double>(largest);
    out +=
        fmt::format("<rect class=\"bar\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"><title>{}: {}</title></rect>",
                    step * static_cast<double>(i) + 1, height - tall, std::max(step - 2, 1.0), tall, text(bars[i].first), bars[i].second);
  }
  out += fmt::format(
      "<text x=\"0\" y=\"10\">{}</text><text x=\"0\" y=\"{:.0f}\">{}</text><text class=\"end\" x=\"{:.0f}\" y=\"{:.0f}\">{}</text></svg>",
      largest, height + 16, text(first), width, height + 16, text(last));
  return figure(title, out, bars);
}

std::string rows(std::string_view title, const Bars &bars) {
  const std::size_t largest = largest_of(bars);
  const double tall = line * 2 * static_cast<double>(bars.size());
  std::string out = fmt::format("<svg viewBox=\"0 0 300 {:.0f}\" role=\"img\" aria-label=\"{}\">", std::max(tall, 1.0), text(title));
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const double y = line * 2 * static_cast<double>(i);
    out += fmt::format("<text x=\"0\" y=\"{:.0f}\">{}</text><text class=\"end\" x=\"300\" y=\"{:.0f}\">{}</text><rect class=\"bar\" "
                       "x=\"0\" y=\"{:.0f}\" width=\"{:.1f}\" height=\"14\"/>",
                       y + 15, text(shown(bars[i].first, 34)), y + 15, bars[i].second, y + 20,
                       300.0 * static_cast<double>(bars[i].second) / static_cast<double>(largest));
  }
  return figure(title, out + "</svg>", bars);
}

} // namespace banpush::html
