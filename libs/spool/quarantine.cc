#include "libs/spool/quarantine.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "libs/base/hash.h"
#include "libs/log/log.h"

namespace quotaplane::spool {

Quarantine::Quarantine(FileOps& ops, std::string dir) : ops_(ops), dir_(std::move(dir)) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(dir_, error)) {
    if (!absl::StartsWith(entry.path().filename().string(), "damaged-")) continue;
    const auto size = entry.file_size(error);
    if (!error) bytes_ += static_cast<int64_t>(size);
  }
}

bool Quarantine::Add(uint64_t first, int64_t offset, std::string_view bytes, uint64_t lost) {
  if (!known_.emplace(first, offset).second) return false;
  const std::string name = absl::StrFormat("damaged-%016d-%d-%08x.bin", first, offset,
                                           static_cast<uint32_t>(HashOf(bytes).low64()));
  std::error_code error;
  if (std::filesystem::exists(dir_ + "/" + name, error)) return false;

  std::string where = "lost";
  const auto size = static_cast<int64_t>(bytes.size());
  if (bytes_ + size <= kMaxBytes) {
    const absl::Status saved = ReplaceFile(ops_, dir_, name, bytes);
    if (saved.ok()) {
      bytes_ += size;
      where = "moved to " + name;
    } else {
      where = "not saved: " + std::string(saved.message());
    }
  }
  LogError("spool {}: {} damaged record(s) in segment {} at byte {} ({} bytes), {}", dir_, lost,
           first, offset, size, where);
  return true;
}

}  // namespace quotaplane::spool
