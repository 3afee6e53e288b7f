import MCDRL
import PointOfCare
import SwiftUI

/// Shows a quality hint.
struct HintView: View {
    let hint: QualityHint

    var body: some View {
        Label(LocalizedStringKey(hint.words), systemImage: "exclamationmark.triangle")
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

/// Shows a bar for each confounder, the largest weight first.
struct ConfoundersCard: View {
    let result: Segmentation
    var most = Int.max

    var body: some View {
        Card(title: "Confounders") {
            Text("The model removed their influence before it classified the pixels.")
                .font(.footnote).foregroundStyle(.secondary)
            let weights = result.disturbances.prefix(most)
            let largest = max(weights.first?.weight ?? 0, .leastNormalMagnitude)
            ForEach(weights, id: \.name) { confounder in
                VStack(alignment: .leading, spacing: 4) {
                    HStack {
                        Text(confounder.name)
                        Spacer()
                        Text(percent(confounder.weight)).foregroundStyle(.secondary).monospacedDigit()
                    }
                    ProgressView(value: confounder.weight / largest)
                }
                .accessibilityElement(children: .ignore)
                .accessibilityLabel("\(confounder.name), \(percent(confounder.weight))")
            }
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
