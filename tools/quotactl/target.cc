#include "tools/quotactl/target.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace quotaplane::quotactl {

Target::Target(const std::string& path)
    : path_(path),
      part_(path.empty() ? "" : path + ".part"),
      file_(path.empty() ? stdout : std::fopen(part_.c_str(), "wb")) {}

Target::~Target() {
  if (file_ == nullptr || file_ == stdout) return;
  std::fclose(file_);
  std::remove(part_.c_str());
}

absl::Status Target::Write(const std::string& data) {
  return std::fwrite(data.data(), 1, data.size(), file_) == data.size() ? absl::OkStatus()
                                                                        : Failed();
}

absl::Status Target::Finish() {
  if (file_ == stdout) return std::fflush(stdout) == 0 ? absl::OkStatus() : Failed();
  FILE* const file = std::exchange(file_, nullptr);
  const bool flushed = std::fflush(file) == 0 && fsync(fileno(file)) == 0;
  if (std::fclose(file) == 0 && flushed && std::rename(part_.c_str(), path_.c_str()) == 0) {
    return absl::OkStatus();
  }
  std::remove(part_.c_str());
  return Failed();
}

absl::Status Target::Failed() const {
  return absl::UnavailableError(
      absl::StrCat(path_.empty() ? "stdout" : path_, ": cannot be written"));
}

}  // namespace quotaplane::quotactl
