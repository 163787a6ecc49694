#include "libs/testing/postgres_template.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "libs/testing/fatal.h"
#include "libs/testing/process.h"
#include "libs/testing/temp_dir.h"

namespace quotaplane::fixtures {
namespace {

constexpr char kPackage[] = "postgresql-15";
constexpr char kUser[] = "postgres";
constexpr absl::Duration kTimeout = absl::Seconds(60);

bool IsRoot() { return ::geteuid() == 0; }

void Run(std::vector<std::string> argv, const std::string& log_path) {
  const std::string name = argv.at(0);
  ChildProcess process(ProcessOptions{.argv = std::move(argv),
                                      .env = {},
                                      .working_dir = "/",
                                      .log_path = log_path,
                                      .package = kPackage});
  const std::optional<ExitStatus> exit = process.Wait(kTimeout);
  if (!exit || exit->code != 0) Fatal(name + " failed; its log ends:\n" + process.LogTail());
}

void Copy(const std::string& from, const std::string& to, const std::string& log_path) {
  // cp, not std::filesystem: it keeps the owner.
  Run({"cp", "-a", "--reflink=auto", from, to}, log_path);
}

// Removed with all its contents on every way out.
void InitDb(const std::string& data_dir, const std::string& log_path) {
  // Segments of 1 MiB: one of the usual 16 would be nearly half of what each test copies.
  Run(AsPostgresUser({PostgresProgram("initdb"), "-D", data_dir, "-U", kUser, "-E", "UTF8",
                      "--locale=C", "--wal-segsize=1", "-A", "trust", "--no-sync",
                      "--no-instructions"}),
      log_path);
}

// Holds a lock on a file as long as it lives; nothing where the file cannot be made.
class FileLock {
 public:
  explicit FileLock(const std::string& path)
      : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (fd_ >= 0 && ::flock(fd_, LOCK_EX) != 0) FatalErrno("cannot lock " + path);
  }
  ~FileLock() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  bool held() const { return fd_ >= 0; }

 private:
  int fd_;
};

}  // namespace

std::string PostgresProgram(const std::string& name) {
  return FindProgram("/usr/lib/postgresql/15/bin/" + name, kPackage);
}

std::vector<std::string> AsPostgresUser(std::vector<std::string> argv) {
  if (!IsRoot()) return argv;
  // A change of user clears the signal that ends a child with its parent, so it is set again.
  std::vector<std::string> result = {"setpriv",        "--reuid",     kUser,  "--regid", kUser,
                                     "--clear-groups", "--pdeathsig", "KILL", "--"};
  result.insert(result.end(), argv.begin(), argv.end());
  return result;
}

void GiveToPostgresUser(const std::string& path) {
  if (!IsRoot()) return;
  const passwd* user = ::getpwnam(kUser);
  if (user == nullptr) Fatal("there is no user postgres: install the package postgresql-15");
  if (::chown(path.c_str(), user->pw_uid, user->pw_gid) != 0) FatalErrno("cannot chown " + path);
}

void MakeCluster(const std::string& data_dir) {
  const std::string log_path = data_dir + ".initdb.log";
  std::error_code error;
  const std::string cache = QP_FIXTURE_CACHE_DIR;
  std::filesystem::create_directories(cache, error);
  // Another version's files would be refused by the server, another user's by us.
  const auto version =
      std::filesystem::last_write_time(PostgresProgram("postgres"), error).time_since_epoch();
  const std::string kept =
      absl::StrCat(cache, "/postgres-15-small-", ::geteuid(), "-", version.count());
  const FileLock lock(kept + ".lock");
  if (!lock.held()) return InitDb(data_dir, log_path);  // not our build tree
  if (!std::filesystem::exists(kept)) {
    TempDir work;
    GiveToPostgresUser(work.path());
    InitDb(work.File("data"), log_path);
    const std::string half = kept + ".half";
    std::filesystem::remove_all(half, error);
    Copy(work.File("data"), half, log_path);
    std::filesystem::rename(half, kept, error);
    if (error) Fatal("cannot keep the cluster at " + kept + ": " + error.message());
  }
  Copy(kept, data_dir, log_path);
}

}  // namespace quotaplane::fixtures
