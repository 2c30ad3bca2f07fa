// A counter whose top bits light five lamps, with a Gray code so that one changes at a time.
module counter (input clk, input rst, output [4:0] lamps);
  reg [25:0] count;
  always @(posedge clk)
    if (rst) count <= 0;
    else count <= count + 1;
  wire [4:0] top = count[25:21];
  assign lamps = top ^ (top >> 1);
endmodule
