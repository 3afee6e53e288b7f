package com.mcdrl.pointofcare

import com.mcdrl.ConfounderWeight

/**
 * Advice to the person who holds the scope. Each hint is named after a confounder. The model sets the smallest presence that
 * gives a hint.
 */
enum class QualityHint(val confounder: String) {
    REFLECTION("reflection"),
    BLUR("blur"),
    DARK("dark"),
    BRIGHT("bright"),
    BLOOD("blood"),
    MUCUS("mucus"),
    ARTEFACTS("artefacts"),
    NEAR("near"),
    FAR("far"),
    UNEVEN("uneven"),
    ;

    companion object {
        private const val SMALLEST_RANGE = 1e-3f

        /**
         * The hint for the confounder that exceeds its limit most, as a share of what is above the limit; `null` for a good
         * picture.
         */
        fun of(confounders: List<ConfounderWeight>): QualityHint? =
            confounders
                .mapNotNull { confounder ->
                    val hint = entries.find { it.confounder == confounder.name }
                    val limit = confounder.hintPresence
                    if (hint == null || limit == null || confounder.presence < limit) return@mapNotNull null
                    hint to (confounder.presence - limit) / maxOf(1 - limit, SMALLEST_RANGE)
                }
                .maxByOrNull { it.second }
                ?.first
    }
}
