import MCDRL
import PointOfCare
import SwiftUI

/// Shows a quality hint.
struct HintView: View {
    let hint: QualityHint

    var body: some View {
        Warning(words: LocalizedStringKey(hint.words))
    }
}

/// Warns if a picture is unlike the training pictures.
struct UnfamiliarView: View {
    let result: Segmentation

    var body: some View {
        if isUnfamiliar(result.unfamiliar) {
            Warning(words: "This picture is unlike those that the model was trained with. Do not rely on the mask.")
        }
    }
}

/// A text that must be seen.
struct Warning: View {
    let words: LocalizedStringKey

    var body: some View {
        Label(words, systemImage: "exclamationmark.triangle")
            .font(.headline)
            .frame(maxWidth: .infinity, alignment: .leading)
            .padding()
            .background(.background, in: RoundedRectangle(cornerRadius: 14))
            .overlay(RoundedRectangle(cornerRadius: 14).stroke(.red, lineWidth: 2))
    }
}

/// Lists the classes that were found.
struct FindingsCard: View {
    let result: Segmentation

    var body: some View {
        Card(title: "Findings") {
            if result.findings.isEmpty { Text("No lesion found").foregroundStyle(.secondary) }
            ForEach(result.findings, id: \.value) { value, share in
                HStack {
                    RoundedRectangle(cornerRadius: 4).fill(color(value)).frame(width: 16, height: 16)
                    Text(share.name.capitalized)
                    Spacer()
                    Text("\(percent(share.fraction)), \(percent(share.confidence)) confidence").foregroundStyle(.secondary)
                }
                .accessibilityElement(children: .combine)
            }
        }
    }

    private func color(_ value: Int) -> Color {
        let color = ClassColor(ofMaskValue: value)
        return Color(red: Double(color.red) / 255, green: Double(color.green) / 255, blue: Double(color.blue) / 255)
    }
}

/// Names the disturbances of a picture. Shows a bar of the presence of each one that the model knows.
struct DisturbancesCard: View {
    let result: Segmentation
    var showsBars = true

    var body: some View {
        Card(title: "Disturbances") {
            if result.disturbances.isEmpty { Text("No disturbances.") }
            ForEach(result.disturbances, id: \.self) { Text($0) }
            if showsBars { bars }
        }
    }

    @ViewBuilder private var bars: some View {
        Text("The bars show how probable each disturbance is.").font(.footnote).foregroundStyle(.secondary)
        ForEach(knownDisturbances(result.confounders), id: \.name) { confounder in
            VStack(alignment: .leading, spacing: 4) {
                HStack {
                    Text(confounder.words)
                    Spacer()
                    Text(percent(confounder.presence)).foregroundStyle(.secondary).monospacedDigit()
                }
                ProgressView(value: confounder.presence)
            }
            .accessibilityElement(children: .ignore)
            .accessibilityLabel("\(confounder.words), \(percent(confounder.presence))")
        }
    }
}

/// Saves the mask to the photo library or shares it.
struct ExportButtons: View {
    let result: Segmentation

    var body: some View {
        if let mask = result.maskImage() {
            ShareLink(item: MaskFile(image: mask), preview: SharePreview("Mask", image: Image(decorative: mask, scale: 1))) {
                Label("Save or share the mask", systemImage: "square.and.arrow.up").frame(maxWidth: .infinity)
            }
            .buttonStyle(.bordered)
            .controlSize(.large)
        }
    }
}

/// A titled card.
struct Card<Content: View>: View {
    let title: LocalizedStringKey
    @ViewBuilder let content: Content

    var body: some View {
        VStack(alignment: .leading, spacing: 10) {
            Text(title).font(.headline).accessibilityAddTraits(.isHeader)
            content
        }
        .frame(maxWidth: .infinity, alignment: .leading)
        .padding()
        .background(Color(.secondarySystemGroupedBackground), in: RoundedRectangle(cornerRadius: 18))
    }
}
