#include "gst/unit_store.hpp"

#include <map>
#include <utility>

namespace vedette::gst {

std::shared_ptr<UnitStore> UnitStore::named(const std::string& name) {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<UnitStore>> stores;
  const std::lock_guard lock(mutex);
  auto& store = stores[name];
  if (!store) store = std::make_shared<UnitStore>();
  return store;
}

void UnitStore::setWanted(bool wanted) {
  const std::lock_guard lock(mutex_);
  wanted_ = wanted;
  if (!wanted) units_.clear();
}

bool UnitStore::wanted() {
  const std::lock_guard lock(mutex_);
  return wanted_;
}

void UnitStore::setWake(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
}

void UnitStore::push(Unit unit) {
  const std::lock_guard lock(mutex_);
  if (!wanted_) return;
  if (units_.size() >= kLimit) {
    skipped_ = true;
    return;
  }
  unit.skippedBefore = std::exchange(skipped_, false);
  const bool silent = !units_.empty();
  units_.push_back(std::move(unit));
  if (!silent && wake_) wake_();
}

std::optional<Unit> UnitStore::take() {
  const std::lock_guard lock(mutex_);
  if (units_.empty()) return std::nullopt;
  Unit unit = std::move(units_.front());
  units_.pop_front();
  return unit;
}

}  // namespace vedette::gst
