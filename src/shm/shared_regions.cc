#include "shm/shared_regions.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "protocol/utf8.h"

namespace mlops {
namespace {

constexpr std::string_view kReservedPrefix = "triton_python_backend_shm_region_";
constexpr std::size_t kKeyBytesMax = 255;  // slashes included
constexpr std::size_t kNameBytesMax = 1024;

bool is_control(char c) { return static_cast<unsigned char>(c) < ' ' || c == 127; }

// Names come back in the status of all regions: one that no client can read would spoil it.
Status check_name(const std::string& name) {
  if (name.empty()) {
    return Status::invalid_argument(
        "'region name' is necessary to register system shared memory region");
  }
  if (name.size() > kNameBytesMax) {
    return Status::invalid_argument("the region's name is longer than " +
                                    std::to_string(kNameBytesMax) + " bytes");
  }
  if (std::ranges::any_of(name, is_control)) {
    return Status::invalid_argument("the region's name holds control characters");
  }
  if (!is_utf8(name)) return Status::invalid_argument("the region's name is not UTF-8");
  return {};
}

Status bad_key(const SharedRegion& region) {
  return Status::invalid_argument("cannot register shared memory region '" + region.name +
                                  "' - invalid shm key '" + region.key.substr(0, 300) + "'");
}

// The object's name without its leading slashes, which are all that a key may have of them.
Result<std::string> object_name(const SharedRegion& region) {
  const std::size_t start = region.key.find_first_not_of('/');
  if (start == std::string::npos || region.key.size() > kKeyBytesMax) return bad_key(region);
  std::string name = region.key.substr(start);
  if (name.starts_with(kReservedPrefix)) {
    return Status::invalid_argument("cannot register shared memory region '" + region.name +
                                    "' with key '" + region.key.substr(0, 300) +
                                    "' as the key contains the reserved prefix '" +
                                    std::string(kReservedPrefix) + "'");
  }
  const bool plain = name != "." && name != ".." && name.find('/') == std::string::npos &&
                     std::ranges::none_of(name, is_control);
  if (!plain) return bad_key(region);
  return name;
}

Status invalid_size(const SharedRegion& region) {
  return Status::invalid_argument("failed to register shared memory region '" + region.name +
                                  "': invalid args");
}

// The size of the object now; nullopt when it is no plain file.
std::optional<std::uint64_t> size_of_object(int object) {
  struct stat facts {};
  if (::fstat(object, &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_size < 0) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(facts.st_size);
}

Result<Fd> open_object(const SharedRegion& region) {
  const Result<std::string> name = object_name(region);
  if (!name.ok()) return name.status();
  // Follows no symbolic link and leaves /dev/shm in no way: the C library sees to it.
  Fd object(::shm_open(("/" + *name).c_str(), O_RDWR, 0));
  const auto size = object.get() < 0 ? std::nullopt : size_of_object(object.get());
  if (!size) {
    return Status::invalid_argument("Unable to open shared memory region: '" + region.key + "'");
  }
  const std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  if (region.byte_size == 0 || region.offset > most || region.byte_size > most - region.offset ||
      region.offset + region.byte_size > *size) {
    return invalid_size(region);
  }
  return object;
}

Status invalid_extent(const SharedPlace& place) {
  return Status::invalid_argument("Invalid offset + byte size for shared memory region: '" +
                                  place.region + "'");
}

Status check_place(const SharedPlace& place, const SharedRegion& region) {
  if (place.offset >= region.byte_size) {
    return Status::invalid_argument("Invalid offset for shared memory region: '" + place.region +
                                    "'");
  }
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  if (place.byte_size > most - place.offset) {
    return Status::invalid_argument("Integer overflow detected: byte_size (" +
                                    std::to_string(place.byte_size) + ") + offset (" +
                                    std::to_string(place.offset) + ") exceeds maximum value (" +
                                    std::to_string(most) + ") for region '" + place.region + "'");
  }
  if (place.offset + place.byte_size > region.byte_size) return invalid_extent(place);
  return {};
}

bool read_fully(int object, std::byte* to, std::size_t size, std::uint64_t at) {
  while (size > 0) {
    const ssize_t part = ::pread(object, to, size, static_cast<off_t>(at));
    if (part < 0 && errno == EINTR) continue;
    if (part <= 0) return false;  // truncated
    to += part;
    size -= static_cast<std::size_t>(part);
    at += static_cast<std::uint64_t>(part);
  }
  return true;
}

bool write_fully(int object, std::span<const std::byte> bytes, std::uint64_t at) {
  // Writing would make a truncated object grow again: that is the client's to decide.
  const auto size = size_of_object(object);
  if (!size || at + bytes.size() > *size) return false;
  while (!bytes.empty()) {
    const ssize_t part = ::pwrite(object, bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (part < 0 && errno == EINTR) continue;
    if (part <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(part));
    at += static_cast<std::uint64_t>(part);
  }
  return true;
}

}  // namespace

class SharedRegions::Output final : public SharedOutput {
 public:
  Output(Use use, SharedPlace place) : use_(std::move(use)), place_(std::move(place)) {}
  Status write(std::span<const std::byte> bytes) override {
    const bool written = write_fully(use_->object.get(), bytes, use_->facts.offset + place_.offset);
    return written ? Status() : invalid_extent(place_);
  }
  const SharedPlace& place() const override { return place_; }

 private:
  Use use_;
  SharedPlace place_;
};

Status SharedRegions::add(const SharedRegion& region) {
  if (Status s = check_name(region.name); !s.ok()) return s;
  Result<Fd> object = open_object(region);
  const std::lock_guard lock(table_->mutex);
  if (table_->regions.contains(region.name)) {
    return Status::already_exists("shared memory region '" + region.name + "' already in manager");
  }
  if (!object.ok()) return object.status();
  if (table_->regions.size() >= kRegionsMax) {
    return Status::resource_exhausted("more than " + std::to_string(kRegionsMax) +
                                      " shared memory regions");
  }
  auto added = std::make_shared<Region>();
  added->facts = region;
  added->object = *std::move(object);
  table_->regions.emplace(region.name, std::move(added));
  return {};
}

void SharedRegions::remove_locked(Table& table, const std::string& name) {
  const auto found = table.regions.find(name);
  if (found == table.regions.end()) return;
  if (found->second->uses == 0) {
    table.regions.erase(found);
  } else {
    found->second->leaving = true;
  }
}

Status SharedRegions::remove(const std::string& name) {
  const std::lock_guard lock(table_->mutex);
  remove_locked(*table_, name);
  return {};
}

Status SharedRegions::remove_all() {
  const std::lock_guard lock(table_->mutex);
  std::vector<std::string> names;
  for (const auto& [name, region] : table_->regions) names.push_back(name);
  for (const std::string& name : names) remove_locked(*table_, name);
  return {};
}

Result<std::vector<SharedRegion>> SharedRegions::status(const std::string& name) const {
  const std::lock_guard lock(table_->mutex);
  std::vector<SharedRegion> regions;
  for (const auto& [known, region] : table_->regions) {
    if (name.empty() || name == known) regions.push_back(region->facts);
  }
  if (regions.empty() && !name.empty()) return unknown_region(name);
  return regions;
}

Result<SharedRegions::Use> SharedRegions::use(const SharedPlace& place) {
  const std::lock_guard lock(table_->mutex);
  const auto found = table_->regions.find(place.region);
  if (found == table_->regions.end()) return unknown_region(place.region);
  const std::shared_ptr<Region> region = found->second;
  if (Status fits = check_place(place, region->facts); !fits.ok()) return fits;
  ++region->uses;
  return Use(region.get(), [table = table_, region](const Region*) {
    const std::lock_guard guard(table->mutex);
    if (--region->uses == 0 && region->leaving) table->regions.erase(region->facts.name);
  });
}

Result<Buffer> SharedRegions::read(const SharedPlace& place, Buffer& in_use) {
  const Result<Use> region = use(place);
  if (!region.ok()) return region.status();
  Buffer bytes = inputs_.acquire(place.byte_size);
  if (!bytes) return Status::resource_exhausted("no memory is left for input tensors");
  const std::uint64_t at = (*region)->facts.offset + place.offset;
  if (!read_fully((*region)->object.get(), bytes->data(), place.byte_size, at)) {
    return invalid_extent(place);
  }
  copies_.add(CopySite::shared_memory, place.byte_size);
  in_use = foreign_buffer(nullptr, 0, [held = *region] {});
  return bytes;
}

Result<std::shared_ptr<SharedOutput>> SharedRegions::output(const SharedPlace& place) {
  Result<Use> region = use(place);
  if (!region.ok()) return region.status();
  return std::shared_ptr<SharedOutput>(std::make_shared<Output>(*std::move(region), place));
}

}  // namespace mlops
