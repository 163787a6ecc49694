// A certificate authority of the test's own, and what it signed.
#pragma once

#include <string>

namespace quotaplane::fixtures {

// Paths of PEM files. P-256 keys, valid from a day ago until tomorrow. The server's certificate is
// for 127.0.0.1, ::1 and localhost; the client's is for CN=client.
struct TlsFiles {
  std::string ca_cert;
  std::string server_cert;
  std::string server_key;
  std::string client_cert;
  std::string client_key;
};

// Writes them into `dir`, which exists. Two calls make two authorities which do not trust each
// other. Aborts on failure.
TlsFiles MakeTlsFiles(const std::string& dir);

}  // namespace quotaplane::fixtures
