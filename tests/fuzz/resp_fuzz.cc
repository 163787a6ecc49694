// Arbitrary bytes, cut arbitrarily, into the parser of Redis replies: it must neither crash nor
// keep more than the bytes justify, and what it yields must not depend on the cuts.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "libs/redis/resp.h"

namespace {

using quotaplane::redis::ParsedReply;
using quotaplane::redis::Reply;
using quotaplane::redis::ReplyParser;

struct Outcome {
  std::vector<ParsedReply> replies;
  bool failed = false;
};

void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

bool Same(const Reply& a, const Reply& b) {
  if (a.type != b.type || a.integer != b.integer || a.text != b.text ||
      a.elements.size() != b.elements.size()) {
    return false;
  }
  for (size_t i = 0; i < a.elements.size(); ++i) {
    if (!Same(a.elements[i], b.elements[i])) return false;
  }
  return true;
}

// Elements and bytes of text, each of which took at least a byte of input.
size_t Weight(const Reply& reply, int depth) {
  Require(depth <= ReplyParser::kMaxDepth, "nesting is bounded");
  size_t weight = 1 + reply.text.size();
  for (const Reply& element : reply.elements) weight += Weight(element, depth + 1);
  return weight;
}

// The chunk sizes are taken from `cuts`, over and over; 0 means all the rest.
Outcome Parse(std::string_view bytes, std::string_view cuts) {
  ReplyParser parser;
  Outcome outcome;
  for (size_t turn = 0; !bytes.empty() && !outcome.failed; ++turn) {
    const size_t wanted = cuts.empty() ? 0 : static_cast<unsigned char>(cuts[turn % cuts.size()]);
    const std::string_view chunk = bytes.substr(0, wanted == 0 ? bytes.size() : wanted);
    bytes.remove_prefix(chunk.size());
    // A copy of its own, so that reading past a chunk is found.
    const std::string own(chunk);
    outcome.failed = !parser.Feed(own, outcome.replies).ok();
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string_view cuts = input.substr(0, size / 8 < 8 ? size / 8 : 8);
  const std::string_view bytes = input.substr(cuts.size());

  const Outcome whole = Parse(bytes, "");
  size_t weight = 0;
  for (const ParsedReply& parsed : whole.replies) weight += Weight(parsed.reply, 0);
  Require(weight <= bytes.size(), "a reply holds no more than was sent");

  for (const std::string_view how : {cuts, std::string_view("\1", 1)}) {
    const Outcome cut = Parse(bytes, how);
    Require(cut.failed == whole.failed, "cuts do not decide what fails");
    Require(cut.replies.size() == whole.replies.size(),
            "cuts do not decide how many replies there are");
    for (size_t i = 0; i < cut.replies.size(); ++i) {
      Require(cut.replies[i].is_error == whole.replies[i].is_error &&
                  Same(cut.replies[i].reply, whole.replies[i].reply),
              "cuts do not change a reply");
    }
  }
  return 0;
}
