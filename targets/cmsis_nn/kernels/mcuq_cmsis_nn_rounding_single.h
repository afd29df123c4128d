/*
 * Requantization by CMSIS-NN, contract "single".
 */
#ifndef MCUQ_CMSIS_NN_ROUNDING_H
#define MCUQ_CMSIS_NN_ROUNDING_H

#if !defined(CMSIS_NN_USE_SINGLE_ROUNDING)
#error "mcuq: this model and CMSIS-NN round once: define CMSIS_NN_USE_SINGLE_ROUNDING, or build --rounding double"
#endif

#endif
