#include "libs/auth/key_set.h"

#include <cjose/cjose.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "libs/base/error.h"

namespace quotaplane {
namespace {

using nlohmann::json;

constexpr size_t kMinRsaBits = 2048;
// Members that only a private key or a secret has.
constexpr const char* kSecretMembers[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* p) const {
    Free(p);
  }
};
using Jwk = std::unique_ptr<cjose_jwk_t, Deleter<cjose_jwk_release>>;
using Jws = std::unique_ptr<cjose_jws_t, Deleter<cjose_jws_release>>;

struct Key {
  std::string id;
  JwtAlgorithm algorithm;
  Jwk jwk;
};

std::string Text(const json& key, const char* member) {
  const auto found = key.find(member);
  return found != key.end() && found->is_string() ? found->get<std::string>() : "";
}

// Nothing where it cannot verify what we accept.
std::optional<JwtAlgorithm> AlgorithmOf(const json& key) {
  if (key.contains("use") && Text(key, "use") != "sig") return std::nullopt;
  const std::string type = Text(key, "kty");
  std::optional<JwtAlgorithm> algorithm;
  if (type == "RSA") algorithm = JwtAlgorithm::kRs256;
  if (type == "EC" && Text(key, "crv") == "P-256") algorithm = JwtAlgorithm::kEs256;
  if (algorithm.has_value() && key.contains("alg") &&
      Text(key, "alg") != (*algorithm == JwtAlgorithm::kRs256 ? "RS256" : "ES256")) {
    return std::nullopt;
  }
  return algorithm;
}

absl::Status NotAKeySet(const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("not a JSON Web Key Set: ", what));
}

absl::Status Invalid(const std::string& rule) {
  return ReasonedError(absl::StatusCode::kUnauthenticated, "TOKEN_INVALID",
                       absl::StrCat("the token is not accepted: ", rule));
}

}  // namespace

struct KeySet::Keys {
  std::vector<Key> keys;
};

KeySet::KeySet(std::unique_ptr<Keys> keys) : keys_(std::move(keys)) {}
KeySet::~KeySet() = default;

absl::StatusOr<std::shared_ptr<const KeySet>> KeySet::Parse(std::string_view text) {
  if (text.size() > kMaxKeySetBytes) {
    return NotAKeySet(absl::StrCat("it has more than ", kMaxKeySetBytes, " bytes"));
  }
  const json set = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!set.is_object() || !set.contains("keys") || !set["keys"].is_array()) {
    return NotAKeySet("it is no JSON object with a list `keys`");
  }
  if (set["keys"].size() > kMaxKeys) {
    return NotAKeySet(absl::StrCat("it has more than ", kMaxKeys, " keys"));
  }
  auto keys = std::make_unique<Keys>();
  for (const json& each : set["keys"]) {
    if (!each.is_object()) return NotAKeySet("a key is no JSON object");
    for (const char* member : kSecretMembers) {
      if (each.contains(member)) return NotAKeySet("it has a private key or a secret in it");
    }
    const std::optional<JwtAlgorithm> algorithm = AlgorithmOf(each);
    if (!algorithm.has_value()) continue;
    const std::string one = each.dump();
    cjose_err error;
    Jwk jwk(cjose_jwk_import(one.data(), one.size(), &error));
    if (jwk == nullptr) return NotAKeySet("a key cannot be read");
    if (*algorithm == JwtAlgorithm::kRs256 &&
        cjose_jwk_get_keysize(jwk.get(), &error) < kMinRsaBits) {
      continue;
    }
    keys->keys.push_back({Text(each, "kid"), *algorithm, std::move(jwk)});
  }
  if (keys->keys.empty()) return NotAKeySet("it has no key for RS256 or ES256");
  return std::shared_ptr<const KeySet>(new KeySet(std::move(keys)));
}

std::vector<std::string> KeySet::ids() const {
  std::vector<std::string> ids;
  for (const Key& key : keys_->keys) ids.push_back(key.id);
  return ids;
}

absl::StatusOr<std::string> KeySet::Verify(std::string_view token, std::string* missing) const {
  cjose_err error;
  const Jws jws(cjose_jws_import(token.data(), token.size(), &error));
  if (jws == nullptr) return Invalid("it is no JWT");
  cjose_header_t* const header = cjose_jws_get_protected(jws.get());
  const auto member = [&](const char* name) -> std::string {
    const char* const value = cjose_header_get(header, name, &error);
    return value == nullptr ? "" : value;
  };
  // The algorithm is ours to choose, and a key is good for one alone: a token cannot have a public
  // key taken for a shared secret, nor have no signature at all.
  const std::string algorithm_name = member("alg");
  std::optional<JwtAlgorithm> algorithm;
  if (algorithm_name == "RS256") algorithm = JwtAlgorithm::kRs256;
  if (algorithm_name == "ES256") algorithm = JwtAlgorithm::kEs256;
  if (!algorithm.has_value()) return Invalid("its algorithm is neither RS256 nor ES256");
  // What it says is critical (RFC 7515, 4.1.11) we would have to understand.
  for (const char* name : {"crit", "b64", "zip"}) {
    char* const raw = cjose_header_get_raw(header, name, &error);
    if (raw == nullptr) continue;
    std::free(raw);
    return Invalid(absl::StrCat("its header has `", name, "`"));
  }
  const std::string id = member("kid");
  const Key* key = nullptr;
  for (const Key& each : keys_->keys) {
    // Without an id it can be meant only where there is no choice.
    const bool meant = id.empty() ? keys_->keys.size() == 1 : each.id == id;
    if (meant && each.algorithm == *algorithm) key = &each;
  }
  if (key == nullptr) {
    *missing = id;
    return absl::NotFoundError("the issuer has no such key");
  }
  if (!cjose_jws_verify(jws.get(), key->jwk.get(), &error)) {
    return Invalid("its signature is wrong");
  }
  uint8_t* payload = nullptr;  // the token's
  size_t size = 0;
  if (!cjose_jws_get_plaintext(jws.get(), &payload, &size, &error)) return Invalid("it is empty");
  return std::string(reinterpret_cast<const char*>(payload), size);
}

}  // namespace quotaplane
