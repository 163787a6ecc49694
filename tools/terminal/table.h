// An aligned table for people: two spaces between columns, no lines.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tools/terminal/style.h"

namespace quotaplane::terminal {

enum class Align { kLeft, kRight };

struct Column {
  std::string title;
  Align align = Align::kLeft;
};

struct Cell {
  // Implicit: most cells are plain text.
  Cell(std::string text) : text(std::move(text)) {}  // NOLINT
  Cell(const char* text) : text(text) {}             // NOLINT
  Cell(std::string text, Tone tone) : text(std::move(text)), tone(tone) {}

  std::string text;
  Tone tone = Tone::kPlain;
};

class Table {
 public:
  // Where every title is empty there is no header line.
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // At most as many cells as there are columns; those that are missing are empty.
  void AddRow(std::vector<Cell> cells);
  bool empty() const { return rows_.empty(); }

  // One line per row, each indented and ended by a line feed, without trailing blanks.
  std::string Render(const Style& style, std::string_view indent = "") const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

// How many characters (code points) of UTF-8 text are shown.
size_t DisplayWidth(std::string_view utf8);

}  // namespace quotaplane::terminal
