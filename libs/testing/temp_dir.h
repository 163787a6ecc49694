// A directory that lives as long as the object.
#pragma once

#include <string>
#include <string_view>

namespace quotaplane::fixtures {

// Made under $TMPDIR (or /tmp), mode 0700, removed with all its contents by the destructor.
// Aborts where it cannot be made. Paths are kept short enough for a unix socket inside (107 bytes).
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  // path() + "/" + name
  std::string File(std::string_view name) const;

 private:
  std::string path_;
};

}  // namespace quotaplane::fixtures
