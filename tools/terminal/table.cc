#include "tools/terminal/table.h"

#include <algorithm>
#include <cassert>

namespace quotaplane::terminal {

size_t DisplayWidth(std::string_view utf8) {
  return std::count_if(utf8.begin(), utf8.end(),
                       [](unsigned char c) { return (c & 0xC0) != 0x80; });
}

void Table::AddRow(std::vector<Cell> cells) {
  assert(cells.size() <= columns_.size());
  cells.resize(columns_.size(), Cell(""));
  rows_.push_back(std::move(cells));
}

std::string Table::Render(const Style& style, std::string_view indent) const {
  std::vector<std::vector<Cell>> lines;
  if (std::any_of(columns_.begin(), columns_.end(),
                  [](const Column& column) { return !column.title.empty(); })) {
    std::vector<Cell>& header = lines.emplace_back();
    for (const Column& column : columns_) header.emplace_back(column.title, Tone::kBold);
  }
  lines.insert(lines.end(), rows_.begin(), rows_.end());

  std::vector<size_t> widths(columns_.size(), 0);
  for (const std::vector<Cell>& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) {
      widths[i] = std::max(widths[i], DisplayWidth(line[i].text));
    }
  }

  std::string out;
  for (const std::vector<Cell>& line : lines) {
    out += indent;
    size_t owed = 0;  // blanks to write before the next text, if one comes
    for (size_t i = 0; i < line.size(); ++i) {
      const size_t pad = widths[i] - DisplayWidth(line[i].text);
      if (columns_[i].align == Align::kRight) owed += pad;
      if (!line[i].text.empty()) {
        out.append(owed, ' ');
        owed = 0;
        out += style.Paint(line[i].tone, line[i].text);
      }
      if (columns_[i].align == Align::kLeft) owed += pad;
      owed += 2;
    }
    out += '\n';
  }
  return out;
}

}  // namespace quotaplane::terminal
