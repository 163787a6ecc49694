#include "libs/testing/temp_dir.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "libs/testing/fatal.h"

namespace quotaplane::fixtures {
namespace {

constexpr size_t kMaxPath = 90;  // leaves room for a socket's name within sun_path (108 bytes)

}  // namespace

TempDir::TempDir() {
  const char* base = std::getenv("TMPDIR");
  path_ = std::string(base != nullptr && *base != '\0' ? base : "/tmp") + "/qp-XXXXXX";
  if (path_.size() > kMaxPath) Fatal("TMPDIR is too long a path for unix sockets: " + path_);
  if (::mkdtemp(path_.data()) == nullptr) FatalErrno("cannot make a directory " + path_);
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TempDir::File(std::string_view name) const { return path_ + "/" + std::string(name); }

}  // namespace quotaplane::fixtures
