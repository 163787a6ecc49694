#include "libs/control/audit_json.h"

#include <nlohmann/json.hpp>

#include "libs/sql/check.h"

namespace quotaplane {
namespace {

// U+0000 to U+001F and U+007F to U+009F: terminals take both for commands.
bool IsControl(std::string_view character) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(character[i]); };
  return byte(0) < 0x20 || byte(0) == 0x7f || (byte(0) == 0xc2 && byte(1) < 0xa0);
}

// Of the character that begins at `at`; 0: none does.
size_t CharacterBytes(std::string_view text, size_t at) {
  for (size_t size = 1; size <= 4 && at + size <= text.size(); ++size) {
    if (sql::IsText(text.substr(at, size))) return size;
  }
  return 0;
}

}  // namespace

std::string AuditJson(const std::vector<std::pair<std::string, std::string>>& fields) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const auto& [key, value] : fields) json[key] = value;
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string PrintableText(std::string_view text, size_t most) {
  std::string printable;
  for (size_t at = 0; at < text.size();) {
    const size_t size = CharacterBytes(text, at);
    const bool bad = size == 0 || IsControl(text.substr(at, size));
    const std::string_view character = bad ? "?" : text.substr(at, size);
    if (printable.size() + character.size() > most) break;
    printable += character;
    at += bad && size == 0 ? 1 : size;
  }
  return printable;
}

}  // namespace quotaplane
