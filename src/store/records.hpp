// Kept events on disk: schema/0005_records.sql.
#pragma once

#include <zstd.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lineage/model/kept_event.hpp"
#include "lineage/store/store.hpp"
#include "sqlite.hpp"

namespace lineage::store {

/// An event's text, as record.bytes holds it.
class RecordText {
public:
    explicit RecordText(std::string_view dictionary);
    /// Valid until the next call.
    std::string_view pack(std::string_view text);
    /// Empty where the bytes are damaged.
    std::string unpack(std::string_view bytes);

private:
    template <auto Free>
    struct Freed {
        template <class T>
        void operator()(T* one) const {
            Free(one);
        }
    };
    std::unique_ptr<ZSTD_CCtx, Freed<ZSTD_freeCCtx>> packer_;
    std::unique_ptr<ZSTD_DCtx, Freed<ZSTD_freeDCtx>> unpacker_;
    std::unique_ptr<ZSTD_CDict, Freed<ZSTD_freeCDict>> to_pack_;
    std::unique_ptr<ZSTD_DDict, Freed<ZSTD_freeDDict>> to_unpack_;
    std::string buffer_;
};

/// By the dictionary that the database holds.
RecordText record_text_of(Database& database);

class RecordWriter {
public:
    explicit RecordWriter(Database& database);

    void put(model::Id id, model::Id owner, const model::KeptEvent& event);
    void move(model::Id id, model::Id owner);
    void drop_of(model::Id owner);
    /// What was looked up in a transaction that has been rolled back is not so.
    void forget_kinds() { kinds_.clear(); }

    /// Where the bounds do not allow all of them to be kept: those stamped before that, the oldest first.
    std::optional<model::TimeNs> must_forget(const Bounds& bounds, model::TimeNs now_ns);
    /// Of the oldest some that are stamped before that; within a transaction.
    void forget_some(model::TimeNs before_ns);

private:
    std::int64_t kind_of(const model::KeptEvent& event);

    Database& database_;
    std::optional<RecordText> text_;  ///< from the first event on
    std::unordered_map<std::string, std::int64_t> kinds_;
    Statement insert_, move_, drop_of_, find_kind_, insert_kind_, size_, oldest_, forget_;
};

class RecordReader {
public:
    explicit RecordReader(Database& database);
    std::vector<model::KeptEvent> of(model::Id owner, model::TimeNs until_ns);
    void each_at(model::TimeNs from_ns, model::TimeNs to_ns, std::int64_t serial,
                 const std::function<void(model::Id owner, model::KeptEvent&& event)>& take);

private:
    model::KeptEvent event(const Statement& row);

    Database& database_;
    std::optional<RecordText> text_;
    Statement of_, at_;
};

}  // namespace lineage::store
