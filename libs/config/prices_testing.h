// What the tests of price books share.
#pragma once

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>

#include "libs/pricing/price_book.h"

namespace quotaplane {

// But for `source`.
inline bool SamePrices(const PriceEntry& a, const PriceEntry& b) {
  return a.model == b.model && a.aliases == b.aliases && a.from_us == b.from_us &&
         a.by_tier == b.by_tier && a.long_context == b.long_context;
}

inline std::optional<std::string> ReadWholeFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// A file of the folder of real data. nullopt, said on stdout, where the environment names none;
// ends the test run where it names one without the file.
inline std::optional<std::string> ReadTestdata(const std::string& name) {
  const char* folder = std::getenv("QUOTAPLANE_TESTDATA");
  if (folder == nullptr) {
    std::cout << "left out: QUOTAPLANE_TESTDATA is not set\n";
    return std::nullopt;
  }
  std::optional<std::string> text = ReadWholeFile(std::string(folder) + "/" + name);
  if (!text) {
    std::cerr << "QUOTAPLANE_TESTDATA has no file " << name << "\n";
    std::abort();
  }
  return text;
}

}  // namespace quotaplane
