#include "observe/row_counter.h"

#include <gtest/gtest.h>

#include "observe/category_codes.h"
#include "observe/drift_values.h"

namespace mlops {
namespace {

using namespace drift_test;

std::vector<const FoldKernel*> kernels() {
  std::vector<const FoldKernel*> found = {&plain_fold_kernel()};
  for (const FoldKernel* kernel : {avx2_fold_kernel(), avx512_fold_kernel()}) {
    if (kernel) found.push_back(kernel);
  }
  return found;
}

std::vector<float> wild_rows(std::mt19937_64& random, std::size_t columns, std::size_t rows) {
  std::vector<float> values(columns * rows);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = wild_value(random, i % columns);
  return values;
}

TEST(RowCounter, EveryKernelCountsAsTheStandardLibraryDoes) {
  std::mt19937_64 random(11);
  for (const std::size_t columns : {1U, 7U, 16U, 19U, 33U}) {
    for (const std::uint32_t bins : {2U, 16U, 32U, 33U, 256U}) {
      const ReferencePtr reference =
          numeric_reference_of(columns, 700, random, {bins, kCategoriesMax});
      const std::vector<float> rows = wild_rows(random, columns, 1100);
      const CountsTable plainly = count_plainly(*reference, rows);
      for (const FoldKernel* kernel : kernels()) {
        RowCounter counter(reference, *kernel);
        const CountsTable counted = count_rows(counter, rows, 64);
        EXPECT_TRUE(same_counts(counted, plainly))
            << kernel->name << ", " << columns << " columns, " << bins << " bins";
      }
    }
  }
}

TEST(RowCounter, EdgesThemselvesAndTheirNeighboursFallWhereTheyShould) {
  std::mt19937_64 random(12);
  const ReferencePtr reference = numeric_reference_of(7, 5000, random);
  std::vector<float> rows;
  for (std::size_t k = 0; k < 31; ++k) {
    for (int side = -1; side <= 1; ++side) {
      for (const StreamReference& stream : reference->streams) {
        const std::vector<float>& edges = stream.numeric.edges;
        const float edge = k < edges.size() ? edges[k] : stream.numeric.min;
        rows.push_back(side == 0 ? edge : std::nextafter(edge, side < 0 ? -kInf : kInf));
      }
    }
  }
  const CountsTable plainly = count_plainly(*reference, rows);
  for (const FoldKernel* kernel : kernels()) {
    RowCounter counter(reference, *kernel);
    EXPECT_TRUE(same_counts(count_rows(counter, rows, 1), plainly)) << kernel->name;
  }
}

TEST(RowCounter, RowsOneByOneInAnyOrderAreOneBigBatch) {
  std::mt19937_64 random(13);
  const ReferencePtr reference = numeric_reference_of(9, 300, random);
  const std::vector<float> rows = wild_rows(random, 9, 1300);
  std::vector<std::size_t> order(1300);
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), random);
  std::vector<float> shuffled;
  for (const std::size_t row : order) {
    shuffled.insert(shuffled.end(), rows.begin() + static_cast<std::ptrdiff_t>(row * 9),
                    rows.begin() + static_cast<std::ptrdiff_t>(row * 9 + 9));
  }
  for (const FoldKernel* kernel : kernels()) {
    RowCounter counter(reference, *kernel);
    const CountsTable big = count_rows(counter, rows, 1300);
    EXPECT_TRUE(same_counts(count_rows(counter, rows, 1), big)) << kernel->name;
    EXPECT_TRUE(same_counts(count_rows(counter, shuffled, 7), big)) << kernel->name;
  }
}

TEST(RowCounter, RowsThatAreCountedWhereTheyLieAreThoseThatAreStaged) {
  std::mt19937_64 random(14);
  const ReferencePtr reference = numeric_reference_of(32, 700, random);
  const std::vector<float> wild = wild_rows(random, 32, 1111);
  std::vector<float> memory(wild.size() + 16);
  float* rows = memory.data();
  while (reinterpret_cast<std::uintptr_t>(rows) % 64 != 0) ++rows;
  std::ranges::copy(wild, rows);
  for (const FoldKernel* kernel : kernels()) {
    RowCounter counter(reference, *kernel);
    const CountsTable staged = count_rows(counter, wild, 1111);
    EXPECT_EQ(counter.fold_in_place(rows + 1, 1000), 0U);  // not aligned
    ASSERT_EQ(counter.fold_in_place(rows, 1111), 1104U);
    std::copy_n(rows + 1104 * 32, 7 * 32, counter.next_row());
    counter.stage(7);
    EXPECT_EQ(counter.fold_in_place(rows, 16), 0U);  // something is staged
    counter.fold();
    CountsTable in_place = reference->empty_counts();
    counter.take(in_place);
    EXPECT_TRUE(same_counts(in_place, staged)) << kernel->name;
  }
  RowCounter narrow(numeric_reference_of(31, 700, random));
  EXPECT_EQ(narrow.fold_in_place(rows, 16), 0U);
  RowCounter wide(numeric_reference_of(32, 700, random, {256, kCategoriesMax}));
  EXPECT_EQ(wide.fold_in_place(rows, 16), 0U);
}

TEST(RowCounter, MomentsAreThoseOfDoubles) {
  std::mt19937_64 random(14);
  const ReferencePtr reference = numeric_reference_of(5, 300, random);
  std::vector<float> rows;
  for (std::size_t i = 0; i < 5 * 4000; ++i) rows.push_back(any_value(random, i % 5));
  rows[12] = std::numeric_limits<float>::max();  // its square is no float
  const CountsTable plainly = count_plainly(*reference, rows);
  for (const FoldKernel* kernel : kernels()) {
    RowCounter counter(reference, *kernel);
    const CountsTable counted = count_rows(counter, rows, 100);
    for (std::size_t c = 0; c < 5; ++c) {
      const Moments& exact = plainly[c].moments;
      const double spread = std::sqrt(exact.sum2 * static_cast<double>(exact.n));
      EXPECT_NEAR(counted[c].moments.sum, exact.sum, 1e-6 * spread) << kernel->name << c;
      // A float's square may be too small for one.
      EXPECT_NEAR(counted[c].moments.sum2, exact.sum2, 1e-5 * exact.sum2 + 1e-40)
          << kernel->name << c;
    }
  }
}

TEST(RowCounter, CategoriesRareAndNewOnes) {
  const std::vector<std::string_view> column = {"b", "a", "a", "c", "d", {}};
  const ReferenceOptions options{kBinsDefault, 2};
  StreamReference stream = string_categories({StreamRole::input, "s", 0, "s"}, column, options);
  EXPECT_EQ(stream.categories.strings, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(stream.counts.masses, (std::vector<std::uint64_t>{2, 1, 1, 0, 0, 0, 0, 2, 0}));
  const CategoryCodes codes(stream.categories);
  const ReferencePtr reference = *seal_reference({stream});
  RowCounter counter(reference);
  std::vector<float> rows;
  for (const char* text : {"a", "b", "b", "c", "new", ""}) {
    rows.push_back(codes.code_of(std::string_view(text)));
  }
  rows.push_back(kNaN);
  EXPECT_EQ(count_rows(counter, rows, 3)[0].masses,
            (std::vector<std::uint64_t>{1, 2, 1, 0, 0, 0, 0, 1, 2}));
}

TEST(RowCounter, NothingIsNewWhereNotAllRareValuesAreKnown) {
  std::vector<double> column(10000);
  for (std::size_t i = 0; i < column.size(); ++i) column[i] = static_cast<double>(i);
  const StreamReference stream = number_categories({StreamRole::input, "id", 0, "id"}, column, {});
  EXPECT_FALSE(stream.categories.all_rare_known);
  const CategoryCodes codes(stream.categories);
  EXPECT_EQ(codes.code_of(3.0), 3.0F);
  EXPECT_EQ(codes.code_of(-1.0), kOtherCode);
}

TEST(RowCounter, VeryWideRows) {
  std::mt19937_64 random(15);
  const ReferencePtr reference = numeric_reference_of(1500, 50, random);
  const std::vector<float> rows = wild_rows(random, 1500, 150);
  RowCounter counter(reference);
  EXPECT_TRUE(same_counts(count_rows(counter, rows, 150), count_plainly(*reference, rows)));
}

}  // namespace
}  // namespace mlops
