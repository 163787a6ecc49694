// What all calls through libcurl have in common. For this library alone.
#pragma once

#include <curl/curl.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/time/time.h"

namespace quotaplane::curl {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* p) const {
    Free(p);
  }
};
using Handle = std::unique_ptr<CURL, Deleter<curl_easy_cleanup>>;

class List {
 public:
  // False: no memory.
  bool Add(const std::string& line);
  curl_slist* get() const { return list_.get(); }

 private:
  std::unique_ptr<curl_slist, Deleter<curl_slist_free_all>> list_;
};

// Where libcurl says more of an error than its code does.
struct ErrorBuffer {
  char text[CURL_ERROR_SIZE] = "";
};

// A handle with the deadline, the stop, the authorities and no proxy set; null where libcurl cannot
// be used. All that it is given outlives it.
Handle NewHandle(absl::Duration timeout, const std::string& ca_file, const std::atomic<bool>* stop,
                 ErrorBuffer* error);

// What went wrong. Names the host at most, not the rest of the URL.
std::string ErrorText(CURLcode code, const ErrorBuffer& more);

}  // namespace quotaplane::curl
