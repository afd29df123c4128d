/*
 * Operands of y's shape, repeated along an axis before, between and behind others, and single values. The file that
 * includes this one defines check(y's sizes, a's strides, a's elements, b's strides, b's elements).
 */
void harness(void)
{
    const int32_t one[4] = {1, 1, 1, 1};
    const int32_t none[4] = {0, 0, 0, 0};
    const int32_t tall[4] = {2, 1, 2, 1};
    const int32_t of_tall[4] = {2, 2, 1, 1};
    const int32_t columns[4] = {0, 0, 1, 0};
    const int32_t wide[4] = {1, 2, 1, 2};
    const int32_t of_wide[4] = {4, 2, 2, 1};
    const int32_t rows[4] = {0, 1, 0, 0};
    check(one, none, 1, none, 1);
    check(tall, of_tall, 4, columns, 2);
    check(wide, rows, 2, of_wide, 4);
    HARNESS_END;
}
