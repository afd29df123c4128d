/* ST NUCLEO-L4R5ZI: 120 MHz from the internal oscillator, LPUART 1. Source: STMicroelectronics RM0432, UM2179. */
#include "board.h"
#include "board_config.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define RCC_CR REGISTER(0x40021000U)
#define RCC_CR_HSION (1UL << 8)
#define RCC_CR_HSIRDY (1UL << 10)
#define RCC_CR_PLLON (1UL << 24)
#define RCC_CR_PLLRDY (1UL << 25)
#define RCC_CFGR REGISTER(0x40021008U)
#define RCC_CFGR_SW_PLL 3U
#define RCC_CFGR_SWS (3UL << 2)
#define RCC_CFGR_SWS_PLL (3UL << 2)
#define RCC_CFGR_HPRE (15UL << 4)
#define RCC_CFGR_HPRE_2 (8UL << 4)
#define RCC_PLLCFGR REGISTER(0x4002100CU)
/* 16 MHz / 2 * 30 / 2: source HSI16, M - 1, N, R enabled, R = 2. */
#define RCC_PLLCFGR_120MHZ (2UL | (1UL << 4) | (30UL << 8) | (1UL << 24))
#define RCC_AHB2ENR REGISTER(0x4002104CU)
#define RCC_AHB2ENR_GPIOG (1UL << 6)
#define RCC_APB1ENR1 REGISTER(0x40021058U)
#define RCC_APB1ENR1_PWR (1UL << 28)
#define RCC_APB1ENR2 REGISTER(0x4002105CU)
#define RCC_APB1ENR2_LPUART1 1U
#define RCC_CCIPR REGISTER(0x40021088U)
#define RCC_CCIPR_LPUART1 (3UL << 10)
#define RCC_CCIPR_LPUART1_HSI16 (2UL << 10)
#define PWR_CR2 REGISTER(0x40007004U)
#define PWR_CR2_IOSV (1UL << 9)
#define PWR_CR5 REGISTER(0x40007080U)
#define PWR_CR5_R1MODE (1UL << 8)
#define FLASH_ACR REGISTER(0x40022000U)
#define FLASH_ACR_LATENCY 15U
#define FLASH_ACR_120MHZ 5U
#define GPIOG_MODER REGISTER(0x48001800U)
#define GPIOG_AFRL REGISTER(0x48001820U)
#define GPIOG_AFRH REGISTER(0x48001824U)
#define LPUART1_CR1 REGISTER(0x40008000U)
#define LPUART1_CR1_ON (1UL | (1UL << 2) | (1UL << 3)) /* receives and sends */
#define LPUART1_CR1_INTERRUPT (1UL << 5)              /* for what is received */
#define LPUART1_BRR REGISTER(0x4000800CU)
#define LPUART1_ISR REGISTER(0x4000801CU)
#define LPUART1_ISR_RECEIVED (1UL << 5)
#define LPUART1_ISR_ROOM (1UL << 7)
#define LPUART1_ICR REGISTER(0x40008020U)
#define LPUART1_ICR_ERRORS 15U
#define LPUART1_RDR REGISTER(0x40008024U)
#define LPUART1_TDR REGISTER(0x40008028U)
#define NVIC_ISER(number) REGISTER(0xE000E100U + 4U * ((number) / 32U))
#define NVIC_ISPR(number) REGISTER(0xE000E200U + 4U * ((number) / 32U))
#define HSI16_HZ 16000000U
#define CLOCK_HZ 120000000U
#define BAUD 115200U

void board_interrupt(void);

static void start_clocks(void)
{
    RCC_CR |= RCC_CR_HSION;
    while ((RCC_CR & RCC_CR_HSIRDY) == 0U) {
    }
    RCC_APB1ENR1 |= RCC_APB1ENR1_PWR;
    (void)RCC_APB1ENR1; /* the bit has an effect after two cycles */
    PWR_CR5 &= ~PWR_CR5_R1MODE;
    FLASH_ACR = (FLASH_ACR & ~FLASH_ACR_LATENCY) | FLASH_ACR_120MHZ;
    while ((FLASH_ACR & FLASH_ACR_LATENCY) != FLASH_ACR_120MHZ) {
    }
    RCC_PLLCFGR = RCC_PLLCFGR_120MHZ;
    RCC_CR |= RCC_CR_PLLON;
    while ((RCC_CR & RCC_CR_PLLRDY) == 0U) {
    }
    /* Beyond 80 MHz the bus has to run at half of it for a microsecond. */
    RCC_CFGR = (RCC_CFGR & ~RCC_CFGR_HPRE) | RCC_CFGR_HPRE_2;
    RCC_CFGR |= RCC_CFGR_SW_PLL;
    while ((RCC_CFGR & RCC_CFGR_SWS) != RCC_CFGR_SWS_PLL) {
    }
    for (volatile int i = 0; i < 100; i++) {
    }
    RCC_CFGR &= ~RCC_CFGR_HPRE;
}

void board_init(void)
{
    start_clocks();
    PWR_CR2 |= PWR_CR2_IOSV; /* pins 2 to 15 of port G have a supply of their own */
    RCC_AHB2ENR |= RCC_AHB2ENR_GPIOG;
    RCC_APB1ENR2 |= RCC_APB1ENR2_LPUART1;
    RCC_CCIPR = (RCC_CCIPR & ~RCC_CCIPR_LPUART1) | RCC_CCIPR_LPUART1_HSI16;
    /* PG7 sends and PG8 receives: alternate function 8. */
    GPIOG_MODER = (GPIOG_MODER & ~(15UL << 14)) | (10UL << 14);
    GPIOG_AFRL = (GPIOG_AFRL & ~(15UL << 28)) | (8UL << 28);
    GPIOG_AFRH = (GPIOG_AFRH & ~15UL) | 8UL;
    LPUART1_BRR = (uint32_t)((256ULL * HSI16_HZ + BAUD / 2U) / BAUD);
    LPUART1_CR1 = LPUART1_CR1_ON;
    NVIC_ISER(BOARD_INTERRUPT) = 1UL << (BOARD_INTERRUPT % 32);
}

uint32_t board_clock_hz(void)
{
    return CLOCK_HZ;
}

void board_put(uint8_t byte)
{
    while ((LPUART1_ISR & LPUART1_ISR_ROOM) == 0U) {
        /* it is being sent */
    }
    LPUART1_TDR = byte;
}

void board_receive(void)
{
    NVIC_ISPR(BOARD_INTERRUPT) = 1UL << (BOARD_INTERRUPT % 32);
}

/* The interrupt is a level: a byte that came meanwhile makes it at once. */
void board_interrupt(void)
{
    LPUART1_CR1 = LPUART1_CR1_ON;
    LPUART1_ICR = LPUART1_ICR_ERRORS; /* what came too fast is lost; its frame is not complete then */
    while ((LPUART1_ISR & LPUART1_ISR_RECEIVED) != 0U) {
        if (board_take((uint8_t)LPUART1_RDR) == 0) {
            return;
        }
    }
    LPUART1_CR1 = LPUART1_CR1_ON | LPUART1_CR1_INTERRUPT;
}
