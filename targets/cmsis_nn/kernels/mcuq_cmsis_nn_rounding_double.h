/*
 * Requantization by CMSIS-NN, contract "double".
 */
#ifndef MCUQ_CMSIS_NN_ROUNDING_H
#define MCUQ_CMSIS_NN_ROUNDING_H

#if defined(CMSIS_NN_USE_SINGLE_ROUNDING)
#error "mcuq: this model and CMSIS-NN round twice: leave CMSIS_NN_USE_SINGLE_ROUNDING out, or build --rounding single"
#endif

#endif
