import { el, slider } from "./dom.js";
import { asItCame, grays } from "./levels.js";
import type { Layer } from "./protocol.js";

/**
 * A volume in three dimensions, by rays through a 3-D texture (WebGL 2): the surface where values rise above a threshold, lit from the viewer, or the brightest
 * value along each ray. Parallel projection; at first from the front, the head up.
 */

const vertex = `#version 300 es
in vec2 at; out vec2 place;
void main() { place = at; gl_Position = vec4(at, 0.0, 1.0); }`;
const fragment = `#version 300 es
precision highp float; precision highp sampler3D;
in vec2 place; out vec4 colour;
uniform sampler3D volume;
uniform mat3 toTexture;      // mm → texture coordinates
uniform vec3 right, up, ahead; // of the screen, in texture coordinates per mm
uniform float reach, screen, threshold, width;
uniform bool brightest;
uniform int steps;
uniform vec3 texel;
float value(vec3 p) { return texture(volume, p).r; }
void main() {
  vec3 middle = vec3(0.5) + screen * (right * place.x * width + up * place.y);
  float most = 0.0;
  float stride = 2.0 * reach / float(steps);
  for (int k = 0; k < 1500; k++) {
    if (k >= steps) break;
    vec3 p = middle + ahead * (float(k) * stride - reach);
    if (any(lessThan(p, vec3(0.0))) || any(greaterThan(p, vec3(1.0)))) continue;
    float v = value(p);
    most = max(most, v);
    if (!brightest && v > threshold) {
      // Between this sample and the last one, where the threshold is crossed.
      vec3 a = p - ahead * stride, b = p;
      for (int i = 0; i < 5; i++) { vec3 m = 0.5 * (a + b); if (value(m) > threshold) b = m; else a = m; }
      vec3 g = vec3(value(b + vec3(texel.x, 0, 0)) - value(b - vec3(texel.x, 0, 0)),
                    value(b + vec3(0, texel.y, 0)) - value(b - vec3(0, texel.y, 0)),
                    value(b + vec3(0, 0, texel.z)) - value(b - vec3(0, 0, texel.z))) / texel;
      float lit = abs(dot(g, ahead)) / max(1e-6, length(transpose(toTexture) * g));
      float depth = 1.0 - 0.35 * float(k) / float(steps);
      colour = vec4(vec3(0.93, 0.88, 0.80) * (0.18 + 0.82 * lit) * depth, 1.0);
      return;
    }
  }
  colour = brightest ? vec4(vec3(most), 1.0) : vec4(0.0, 0.0, 0.0, 1.0);
}`;

/** Longest axis of the texture. */
const longest = 256;

/** A figure that turns when it is dragged, or by its sliders; a sentence where the browser has no WebGL 2. */
export function volumeView(layer: Layer, label: string): HTMLElement {
  const { place, levels } = layer;
  const gray = grays(layer, asItCame);
  const canvas = el("canvas", { width: 480, height: 480, role: "img", "aria-label": `${label} in three dimensions` });
  const gl = canvas.getContext("webgl2", { antialias: false, preserveDrawingBuffer: true });
  if (!gl) return el("p", { class: "note" }, "This browser draws nothing in three dimensions: WebGL 2 is missing or switched off.");

  // Every k-th sample, where there are very many.
  const by = place.size.map((n) => Math.ceil(n / longest));
  const size = place.size.map((n, k) => Math.floor(n / by[k]));
  const data = new Uint8Array(size[0] * size[1] * size[2]);
  for (let z = 0, i = 0; z < size[2]; z++)
    for (let y = 0; y < size[1]; y++)
      for (let x = 0; x < size[0]; x++, i++) data[i] = gray[levels[(z * by[2] * place.size[1] + y * by[1]) * place.size[0] + x * by[0]]];
  const extent = place.size.map((n, k) => n * place.spacing[k]);
  const reach = 0.5 * Math.hypot(...extent);
  const steps = Math.min(1500, Math.ceil((2 * reach) / (0.6 * Math.min(...extent.map((e, k) => e / size[k])))));

  const shader = (type: number, source: string): WebGLShader => {
    const s = gl.createShader(type) as WebGLShader;
    gl.shaderSource(s, source);
    gl.compileShader(s);
    return s;
  };
  const program = gl.createProgram();
  gl.attachShader(program, shader(gl.VERTEX_SHADER, vertex));
  gl.attachShader(program, shader(gl.FRAGMENT_SHADER, fragment));
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return el("p", { class: "note" }, "This browser's WebGL 2 cannot draw volumes.");
  gl.useProgram(program);
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 1, -1, -1, 1, 1, 1]), gl.STATIC_DRAW);
  const corner = gl.getAttribLocation(program, "at");
  gl.enableVertexAttribArray(corner);
  gl.vertexAttribPointer(corner, 2, gl.FLOAT, false, 0, 0);
  gl.bindTexture(gl.TEXTURE_3D, gl.createTexture());
  gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
  gl.texImage3D(gl.TEXTURE_3D, 0, gl.R8, size[0], size[1], size[2], 0, gl.RED, gl.UNSIGNED_BYTE, data);
  for (const [name, to] of [
    [gl.TEXTURE_MIN_FILTER, gl.LINEAR],
    [gl.TEXTURE_MAG_FILTER, gl.LINEAR],
    [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE],
    [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE],
    [gl.TEXTURE_WRAP_R, gl.CLAMP_TO_EDGE],
  ])
    gl.texParameteri(gl.TEXTURE_3D, name, to);
  const at = (name: string) => gl.getUniformLocation(program, name);

  // Rows: index axes over their extents, so that M · mm are texture coordinates.
  const M = [0, 1, 2].map((k) => [0, 1, 2].map((r) => place.direction[3 * r + k] / extent[k]));
  const carried = (v: readonly number[]) => M.map((row) => row.reduce((s, m, r) => s + m * v[r], 0));
  let [turn, tilt, threshold, brightest] = [25, 10, 0.25, false];
  let waiting = false;
  const draw = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      const [a, b] = [(turn * Math.PI) / 180, (tilt * Math.PI) / 180];
      // LPS: x to the left, y to the back, z up. Looking along +y from the front, the patient's left is at the right.
      const right = [Math.cos(a), Math.sin(a), 0];
      const level = [-Math.sin(a), Math.cos(a), 0];
      const ahead = [level[0] * Math.cos(b), level[1] * Math.cos(b), -Math.sin(b)];
      const up = [level[0] * Math.sin(b), level[1] * Math.sin(b), Math.cos(b)];
      gl.viewport(0, 0, canvas.width, canvas.height);
      gl.uniformMatrix3fv(
        at("toTexture"),
        false,
        [0, 1, 2].flatMap((c) => [0, 1, 2].map((r) => M[r][c])),
      );
      gl.uniform3fv(at("right"), carried(right));
      gl.uniform3fv(at("up"), carried(up));
      gl.uniform3fv(at("ahead"), carried(ahead));
      gl.uniform3fv(
        at("texel"),
        size.map((n) => 1.5 / n),
      );
      gl.uniform1f(at("reach"), reach);
      gl.uniform1f(at("screen"), 0.55 * Math.max(...extent));
      gl.uniform1f(at("width"), canvas.width / canvas.height);
      gl.uniform1f(at("threshold"), threshold);
      gl.uniform1i(at("steps"), steps);
      gl.uniform1i(at("brightest"), brightest ? 1 : 0);
      gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    });
  };
  const turning = slider("Turn", { min: -180, max: 180, value: turn, text: (v) => `${v}°`, name: `${label}: turn` }, (v) => {
    turn = v;
    draw();
  });
  const tilting = slider("Tilt", { min: -90, max: 90, value: tilt, text: (v) => `${v}°`, name: `${label}: tilt` }, (v) => {
    tilt = v;
    draw();
  });
  const rising = slider("Surface at", { min: 1, max: 99, value: 25, text: (v) => `${v} %`, name: `${label}: surface at` }, (v) => {
    threshold = v / 100;
    draw();
  });
  const id = `brightest-${label}`;
  const box = el("input", {
    type: "checkbox",
    id,
    onchange: () => {
      brightest = box.checked;
      rising.hidden = brightest;
      draw();
    },
  });
  canvas.addEventListener("pointerdown", (e) => canvas.setPointerCapture(e.pointerId));
  canvas.addEventListener("pointermove", (e) => {
    if (!canvas.hasPointerCapture(e.pointerId)) return;
    turn = ((turn - e.movementX * 0.6 + 540) % 360) - 180;
    tilt = Math.max(-90, Math.min(90, tilt + e.movementY * 0.6));
    turning.show(Math.round(turn));
    tilting.show(Math.round(tilt));
    draw();
  });
  draw();
  return el(
    "figure",
    { class: "volume" },
    canvas,
    el("div", {}, turning, tilting, rising, el("div", { class: "check" }, box, el("label", { for: id }, "Brightest value along each ray"))),
  );
}
